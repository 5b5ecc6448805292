use std::fmt::Write;

use crate::chart::{COLOURS, Chart, Curve, accuracy_chart, escape, loss_chart};
use crate::page::{foot, head, values_table};

/// A run, as the page over several of them shows it.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// What it is called.
    pub name: String,
    /// Its own page, if there is one, from where the page over several is.
    pub page: Option<String>,
    /// What it was made with: names and values.
    pub settings: Vec<(String, String)>,
    /// The validation loss of each epoch, from epoch 0, which is before training.
    pub losses: Vec<f64>,
    /// The accuracy of each epoch on the validation set, 0 to 1; or the error, where a number is predicted.
    pub measures: Vec<f64>,
    /// The epoch whose weights the run has kept, if that is not the last one.
    pub kept: Option<usize>,
}

/// Several runs on one page: their curves in one chart, and a table that is sorted by what they reach,
/// with a column for each setting in which they differ.
///
/// ```
/// use longhand_report::{RunSummary, Runs};
///
/// let run = |name: &str, width: &str, accuracy| RunSummary {
///     name: name.to_owned(),
///     settings: vec![("hidden".to_owned(), width.to_owned()), ("seed".to_owned(), "42".to_owned())],
///     losses: vec![2.3, 0.4],
///     measures: vec![0.1, accuracy],
///     ..RunSummary::default()
/// };
/// let runs = [run("narrow", "10", 0.89), run("wide", "300", 0.94)];
/// let page = Runs { title: "Two runs", runs: &runs, measure: "accuracy", larger_is_better: true }.html();
/// assert!(page.find(">wide<") < page.find(">narrow<")); // the best one first
/// assert!(page.contains(">hidden<") && page.contains("The same in all: seed 42"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Runs<'a> {
    /// The heading.
    pub title: &'a str,
    /// The runs, in any order.
    pub runs: &'a [RunSummary],
    /// What is measured beside the loss.
    pub measure: &'a str,
    /// Whether a larger measure is better: an accuracy, not an error.
    pub larger_is_better: bool,
}

impl Runs<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let mut runs: Vec<&RunSummary> = self.runs.iter().collect();
        let reached = |run: &RunSummary| {
            let kept = run.kept.and_then(|epoch| run.measures.get(epoch)).or(run.measures.last());
            kept.copied().unwrap_or(f64::NAN)
        };
        // What is no number comes last.
        let order = |run: &RunSummary| match reached(run) {
            value if !value.is_finite() => f64::INFINITY,
            value if self.larger_is_better => -value,
            value => value,
        };
        runs.sort_by(|a, b| order(a).total_cmp(&order(b)));
        let names = names(&runs);
        let value = |run: &RunSummary, name: &str| -> String {
            let found = run.settings.iter().find(|(own, _)| own == name);
            found.map_or("–".to_owned(), |(_, value)| value.clone())
        };
        let (differ, same): (Vec<&str>, Vec<&str>) = names
            .into_iter()
            .partition(|name| runs.iter().any(|run| value(run, name) != value(runs[0], name)));

        let mut rows = String::new();
        for (place, run) in runs.iter().enumerate() {
            let name = escape(&run.name);
            let name = match &run.page {
                Some(page) => format!("<a href=\"{}\">{name}</a>", escape(page)),
                None => name,
            };
            let losses =
                run.losses.iter().copied().enumerate().filter(|(_, loss)| loss.is_finite());
            let lowest = losses.min_by(|a, b| a.1.total_cmp(&b.1));
            let (epoch, loss) = lowest.map_or((0, f64::NAN), |lowest| lowest);
            let mark = if place < COLOURS {
                format!("<i class=\"line m{place}\"></i>")
            } else {
                String::new()
            };
            let _ = write!(
                rows,
                "<tr><td>{mark}</td><th scope=\"row\">{name}</th><td>{:.4}</td><td>{loss:.4}</td><td>{epoch}</td><td>{}</td>",
                reached(run),
                run.losses.len().saturating_sub(1)
            );
            for setting in &differ {
                let _ = write!(rows, "<td class=\"setting\">{}</td>", escape(&value(run, setting)));
            }
            rows.push_str("</tr>\n");
        }
        let heads: String =
            differ.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
        let mixed = match differ.contains(&"data") {
            true => {
                "<p><b>The runs are on different data:</b> compare only those on the same.</p>\n"
            }
            false => "",
        };
        let same = match same[..] {
            [] => String::new(),
            _ => {
                let all: Vec<String> = same
                    .iter()
                    .map(|name| escape(&format!("{name} {}", value(runs[0], name))))
                    .collect();
                format!("<p class=\"quiet\">The same in all: {}.</p>", all.join(", "))
            }
        };
        let shown = runs.len().min(COLOURS);
        let curves = |of: fn(&RunSummary) -> &Vec<f64>| -> Vec<Curve> {
            let curve = |(i, run): (usize, &&RunSummary)| {
                Curve::new(&short(&run.name), of(run).clone()).of_model(i)
            };
            runs[..shown].iter().enumerate().map(curve).collect()
        };
        let (losses, measures) = (curves(|run| &run.losses), curves(|run| &run.measures));
        let title = format!("validation {}", self.measure);
        let chart = Chart {
            title: "validation loss",
            x: "epoch",
            y: "loss",
            curves: &losses,
            ..Chart::default()
        };
        let measured = Chart {
            title: &title,
            x: "epoch",
            y: self.measure,
            curves: &measures,
            ..Chart::default()
        };
        let measured =
            if self.larger_is_better { accuracy_chart(&measured) } else { loss_chart(&measured) };
        let only = match runs.len() {
            all if all > shown => {
                format!("<p class=\"quiet\">The charts show the best {shown} of {all}.</p>")
            }
            _ => String::new(),
        };
        format!(
            "{}\n<h1>{}</h1>\n<p class=\"lead\">Runs: {}, the one with the best validation {} first.</p>\n<div class=\"scroll\"><table class=\"start runs\"><tr>\
             <th></th><th scope=\"col\">run</th><th scope=\"col\">{}</th><th scope=\"col\">lowest loss</th><th scope=\"col\">in epoch</th><th scope=\"col\">epochs</th>{heads}</tr>\n{rows}</table></div>\n\
             {mixed}{same}\n<div class=\"pair\">{}{measured}</div>\n{only}{}{}",
            head(self.title),
            escape(self.title),
            runs.len(),
            escape(self.measure),
            escape(self.measure),
            loss_chart(&chart),
            values_table(&losses, &measures, ["loss", self.measure]),
            foot(&[])
        )
    }
}

/// The names of all settings, in the order in which they come first.
fn names<'a>(runs: &[&'a RunSummary]) -> Vec<&'a str> {
    let mut names: Vec<&str> = vec![];
    for (name, _) in runs.iter().flat_map(|run| &run.settings) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// A name that has room beside a chart.
fn short(name: &str) -> String {
    const MOST: usize = 18;
    match name.chars().count() {
        length if length > MOST => {
            format!("…{}", name.chars().skip(length + 1 - MOST).collect::<String>())
        }
        _ => name.to_owned(),
    }
}
