use std::fmt::Write;

use ndarray::{Array2, ArrayView2, ArrayView3};

use crate::chart::{Chart, Curve, accuracy_chart, escape, loss_svg};
use crate::heat::HeatMap;
use crate::pad::Pad;
use crate::picture::{address, diverging, gray, numbered};
use crate::predictions::{
    Bin, Prediction, bins, counts, mean, most_confused, predictions, scores, top_losses,
    worst_mistakes,
};
use crate::statistics::wilson;

/// What a run's page shows. The [crate's page](crate) has an example.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The heading.
    pub title: String,
    /// What the result follows from, and what identifies it: names and values.
    pub settings: Vec<(String, String)>,
    /// How the page came about, which may differ for the same result: the command, the time.
    pub made: Vec<(String, String)>,
    /// Files beside the page, to which it links.
    pub files: &'a [&'a str],
    /// Mean losses by epoch, from epoch 0, which is before training.
    pub losses: Vec<Curve>,
    /// Accuracies by epoch, 0 to 1.
    pub accuracies: Vec<Curve>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The images that the model is evaluated on, `[n, rows, columns]`, 255 for ink. Of samples that
    /// are no images there are none, and the page is without pictures.
    pub images: Option<ArrayView3<'a, u8>>,
    /// The labels of the samples, each below the number of classes.
    pub labels: &'a [usize],
    /// The predicted probabilities, `[n, classes]`. Each row adds up to 1.
    pub probabilities: ArrayView2<'a, f32>,
    /// The first layer's weights, `[rows · columns, units]`.
    pub weights: Option<Array2<f32>>,
    /// Whether the first layer is hidden: there is another one behind it. The units of one that is not are
    /// the classes.
    pub hidden: bool,
    /// For each unit of the first layer, the share of the samples for which it is not zero; of units
    /// that can be zero.
    pub active: Option<Vec<f64>>,
    /// The model, for a page on which one can draw.
    pub pad: Option<Pad<'a>>,
}

/// Images side by side in one picture. The script of the page knows it, too.
pub(crate) const IN_ROW: usize = 50;
/// Images shown for a cell of the confusion matrix.
const SHOWN: usize = 12;
/// Units of the first layer whose weights are shown.
pub(crate) const UNITS: usize = 100;
const MISTAKES: usize = 24;
/// Rows of the table of most confused classes.
const PAIRS: usize = 8;
/// A matrix of more classes scrolls.
const FEW_CLASSES: usize = 12;
/// Rows of the table of epochs, at most.
const EPOCHS: usize = 1000;

/// A misclassified image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mistake {
    /// Its position among the images.
    pub image: usize,
    /// Its label.
    pub label: usize,
    /// The predicted class.
    pub answer: usize,
    /// The predicted probability of that class, 0 to 1.
    pub certainty: f64,
}

impl Report<'_> {
    /// The page.
    ///
    /// # Panics
    /// There are not as many labels or rows of probabilities as images, or a label is not below
    /// the number of classes.
    #[track_caller]
    pub fn html(&self) -> String {
        let n = self.images.map_or(self.labels.len(), |images| images.dim().0);
        let shape = (n, self.classes.len());
        assert!(
            self.labels.len() == n && self.probabilities.dim() == shape,
            "Report: {} labels and probabilities of {:?}, expected {n} and {shape:?}",
            self.labels.len(),
            self.probabilities.dim()
        );
        assert!(
            self.labels.iter().all(|&l| l < shape.1),
            "Report: a label is not below {}",
            shape.1
        );
        let predictions = predictions(self);
        let counts = counts(&predictions, self.classes.len());
        let right = predictions.iter().filter(|p| p.is_right()).count();
        let (low, high) = wilson(right, n);
        let title = escape(&self.title);
        let parts = [
            head(&self.title),
            format!("<h1>{title}</h1>"),
            format!(
                "<p class=\"lead\">Accuracy {:.1} % on {n} {} (95 % Wilson interval: {:.1} to {:.1} %).</p>",
                100.0 * right as f64 / n.max(1) as f64,
                self.samples(),
                100.0 * low,
                100.0 * high
            ),
            format!("<div class=\"pair\">{}{}</div>", self.loss_svg(), self.accuracy_svg()),
            values_table(&self.losses, &self.accuracies, ["loss", "accuracy"]),
            self.pad_section(),
            self.units(),
            self.confusion(&predictions, &counts),
            self.losses_section(&predictions),
            self.classes_table(&counts),
            self.calibration(&predictions),
            made(&self.settings, &self.made, self.files),
            match self.images {
                Some(_) => foot(&[crate::web::NET, crate::web::PAD, crate::web::REPORT]),
                None => foot(&[]),
            },
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// What the samples are.
    pub(crate) fn samples(&self) -> &'static str {
        if self.images.is_some() { "images" } else { "samples" }
    }

    /// The losses as a separate picture. The loss of guessing is marked.
    pub fn loss_svg(&self) -> String {
        loss_svg(&format!("Loss of {}", self.title), &self.losses, self.classes.len())
    }

    /// The accuracies as a separate picture.
    pub fn accuracy_svg(&self) -> String {
        let title = &format!("Accuracy of {}", self.title);
        let (x, y, line) = ("epoch", "accuracy", Some((1.0, "all correct")));
        accuracy_chart(&Chart { title, x, y, curves: &self.accuracies, line, ..Chart::default() })
    }

    /// The confusion matrix as a separate picture.
    pub fn confusion_svg(&self) -> String {
        let share = |row: &Vec<usize>| {
            let all = row.iter().sum::<usize>().max(1) as f64;
            row.iter().map(|&count| Some(count as f64 / all)).collect()
        };
        let counts = counts(&predictions(self), self.classes.len());
        let values: Vec<Vec<Option<f64>>> = counts.iter().map(share).collect();
        let title = &format!("Confusion matrix of {}", self.title);
        let (x, y, rows) = ("predicted", "label", &self.classes);
        HeatMap { title, x, y, columns: rows, rows, values: &values, best: false }.svg()
    }

    /// The calibration curve as a separate picture.
    pub fn calibration_svg(&self) -> String {
        calibration_svg(&bins(&predictions(self)), self.samples())
    }

    /// The worst mistakes side by side as a PNG picture, six in a row, the most confident one
    /// first. `None` if there is no mistake.
    pub fn mistakes_png(&self) -> Option<Vec<u8>> {
        let predictions = predictions(self);
        let wrong = worst_mistakes(&predictions);
        let shown: Vec<usize> = wrong.iter().take(MISTAKES).map(|p| p.sample).collect();
        self.images.filter(|_| !shown.is_empty()).map(|images| gray(images, &shown, 6))
    }

    /// The first layer's weights as a PNG picture, five or ten units in a row, each under its number,
    /// which is that of the class where there is one layer. `None` if a unit does not have one weight for each
    /// pixel.
    pub fn weights_png(&self) -> Option<Vec<u8>> {
        let (_, shown, columns) = self.shown_weights()?;
        // As few as there are digits are shown larger.
        let (in_row, side) = if shown.ncols() <= 10 { (5, 168) } else { (10, 84) };
        let scale = (side / columns.max(shown.nrows() / columns)).max(1);
        Some(numbered(shown, columns, in_row, scale))
    }

    /// The expected calibration error, 0 to 1. Images are put into ten bins by the predicted
    /// probability of their most probable class. The error is the mean distance between this
    /// probability and the accuracy in a bin, weighted by images.
    ///
    /// Source: C. Guo et al., *On Calibration of Modern Neural Networks*, 2017, equation 3.
    pub fn calibration_error(&self) -> f64 {
        let n = self.labels.len() as f64;
        let distance = |bin: &Bin| (bin.confidence - bin.accuracy).abs() * bin.samples as f64 / n;
        bins(&predictions(self)).iter().map(distance).sum()
    }

    /// The mistake with the highest confidence.
    pub fn worst_mistake(&self) -> Option<Mistake> {
        let predictions = predictions(self);
        worst_mistakes(&predictions).first().map(|worst| Mistake {
            image: worst.sample,
            label: worst.label,
            answer: worst.order[0],
            certainty: f64::from(worst.confidence),
        })
    }

    fn confusion(&self, predictions: &[Prediction], counts: &[Vec<usize>]) -> String {
        let classes = self.classes.len();
        let mut cells: Vec<Vec<&Prediction>> = vec![vec![]; classes * classes];
        predictions.iter().for_each(|p| cells[p.label * classes + p.order[0]].push(p));
        let mut shown = vec![];
        let press = match self.images {
            Some(_) => {
                " Press a cell to see its images: the most confident mistakes, or the least confident correct predictions, come first."
            }
            None => "",
        };
        let few = if classes <= FEW_CLASSES { " few" } else { "" };
        let mut html = format!(
            "<section><h2>Confusion matrix</h2><p>A row for each label, a column for each prediction.{press}</p>\
             <p>Show <label><input type=\"radio\" name=\"numbers\" value=\"count\" checked> counts</label> \
             <label><input type=\"radio\" name=\"numbers\" value=\"share\"> percent of the label</label></p>\
             <div class=\"pair\"><div class=\"many{few}\"><table class=\"matrix\" style=\"--n:{classes}\">\
             <colgroup><col style=\"width:1.6rem\"></colgroup><tr><td class=\"axis\" colspan=\"2\"></td>\
             <th class=\"axis\" scope=\"colgroup\" colspan=\"{classes}\">predicted</th></tr><tr><td class=\"axis\" colspan=\"2\"></td>",
        );
        for class in &self.classes {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escape(class));
        }
        html.push_str("</tr>");
        for (label, class) in self.classes.iter().enumerate() {
            let of_label = counts[label].iter().sum::<usize>().max(1) as f64;
            html.push_str("<tr>");
            if label == 0 {
                let _ = write!(
                    html,
                    "<th class=\"axis\" scope=\"rowgroup\" rowspan=\"{classes}\"><span class=\"down\">label</span></th>"
                );
            }
            let _ = write!(html, "<th scope=\"row\">{}</th>", escape(class));
            for (predicted, &count) in counts[label].iter().enumerate() {
                let share = count as f64 / of_label;
                let (kind, strength) = match (label == predicted, count) {
                    (_, 0) => ("none", 0.0),
                    (true, _) => ("right", share),
                    (false, _) => ("wrong", (8.0 * share).min(1.0)),
                };
                let numbers = format!("data-n=\"{count}\" data-p=\"{:.1}\"", 100.0 * share);
                let style = format!("class=\"{kind}\" style=\"--s:{strength:.2}\"");
                if self.images.is_none() || count == 0 {
                    let _ = write!(html, "<td {style} {numbers}>{count}</td>");
                    continue;
                }
                let sign = if label == predicted { 1.0 } else { -1.0 };
                let cell = &mut cells[label * classes + predicted];
                cell.sort_by(|a, b| (sign * a.confidence).total_cmp(&(sign * b.confidence)));
                let pictures: String =
                    cell.iter().take(SHOWN).map(|p| self.picture(p, &mut shown)).collect();
                let (class, predicted) = (escape(class), escape(&self.classes[predicted]));
                let _ = write!(
                    html,
                    "<td {style}><button type=\"button\" aria-label=\"{class} predicted as {predicted}: {count} images\" {numbers} data-c=\"{}\">{count}</button></td>",
                    escape(&pictures),
                );
            }
            html.push_str("</tr>");
        }
        html.push_str("</table></div><div>");
        if self.images.is_some() {
            let strip = self.strip("m", &shown);
            let _ = write!(html, "<div id=\"cell\" aria-live=\"polite\"></div>{strip}");
        }
        let _ = write!(html, "{}</div></div></section>", self.pairs(counts));
        html
    }

    /// The classes that are taken for others most often.
    fn pairs(&self, counts: &[Vec<usize>]) -> String {
        let pairs = most_confused(counts);
        if pairs.is_empty() {
            return "<h3>Most confused</h3><p>Nothing is misclassified.</p>".to_owned();
        }
        let rows = pairs.iter().take(PAIRS).map(|&(label, predicted, count)| {
            let share = 100.0 * count as f64 / counts[label].iter().sum::<usize>() as f64;
            format!(
                "<tr><td>{}</td><td>{}</td><td>{count}</td><td>{share:.1} %</td></tr>",
                escape(&self.classes[label]),
                escape(&self.classes[predicted])
            )
        });
        format!(
            "<h3>Most confused</h3><table class=\"start\"><tr><th scope=\"col\">label</th><th scope=\"col\">predicted</th><th scope=\"col\">{}</th><th scope=\"col\">of the label</th></tr>{}</table>",
            self.samples(),
            rows.collect::<String>()
        )
    }

    /// An image of the strip that is being collected, with its label and its predicted class.
    fn picture(&self, prediction: &Prediction, shown: &mut Vec<usize>) -> String {
        let (place, class) = (place(shown.len()), |i: usize| escape(&self.classes[i]));
        shown.push(prediction.sample);
        let (label, predicted) = (class(prediction.label), class(prediction.order[0]));
        let confidence = 100.0 * prediction.confidence;
        format!(
            "<figure><i role=\"img\" aria-label=\"image {}, label {label}\" class=\"m\" style=\"{place}\"></i><figcaption><span>as {predicted},</span><span>{confidence:.0} %</span></figcaption></figure>",
            prediction.sample
        )
    }

    /// Style for pictures of class `name` that show the images `shown`: they stand in rows in one picture.
    pub(crate) fn strip(&self, name: &str, shown: &[usize]) -> String {
        let Some(images) = self.images else { return String::new() };
        strip_style(name, &gray(images, shown, IN_ROW), images.dim(), shown.len().min(IN_ROW))
    }

    fn losses_section(&self, predictions: &[Prediction]) -> String {
        if self.images.is_none() {
            return String::new();
        }
        let top = top_losses(predictions, MISTAKES);
        let wrong = predictions.iter().filter(|p| !p.is_right()).count();
        let shown: Vec<usize> = top.iter().map(|p| p.sample).collect();
        let mut html = format!(
            "<section><h2>Top losses</h2><p>Misclassified images: {wrong}. Shown are the {} images with the highest loss, each with its label, \
             the loss, and the two classes that the model finds most probable.</p><div class=\"gallery\">",
            top.len()
        );
        for (at, prediction) in top.iter().enumerate() {
            let likeliest = prediction.order.iter().take(2).map(|&class| {
                let share = 100.0 * self.probabilities[[prediction.sample, class]];
                format!("<span>{}: {share:.0} %</span>", escape(&self.classes[class]))
            });
            let label = escape(&self.classes[prediction.label]);
            // A probability of 0 has been rounded to it.
            let loss = match prediction.loss {
                loss if loss.is_finite() => format!("{loss:.2}"),
                _ => "over 100".to_owned(),
            };
            let _ = write!(
                html,
                "<figure><i role=\"img\" aria-label=\"image {}, label {label}\" class=\"w\" style=\"{}\"></i><figcaption><span><b>label {label}</b></span>\
                 <span>loss {loss}</span>{}</figcaption></figure>",
                prediction.sample,
                place(at),
                likeliest.collect::<String>()
            );
        }
        let _ = write!(html, "</div>{}</section>", self.strip("w", &shown));
        html
    }

    /// All weights, the weights of the units that are shown, and the columns of an image. `None` if
    /// the weights cannot be shown as images.
    fn shown_weights(&self) -> Option<(&Array2<f32>, ArrayView2<'_, f32>, usize)> {
        let (_, rows, columns) = self.images?.dim();
        let weights = self.weights.as_ref()?;
        let fit = weights.nrows() == rows * columns && !weights.is_empty();
        fit.then(|| {
            (weights, weights.slice(ndarray::s![.., ..weights.ncols().min(UNITS)]), columns)
        })
    }

    /// The units of the first layer: the weights as pictures, and what each says of the drawing.
    fn units(&self) -> String {
        let Some((weights, shown, columns)) = self.shown_weights() else { return String::new() };
        let units = shown.ncols();
        let strip = strip_style(
            "u",
            &diverging(shown, columns, IN_ROW),
            (0, weights.nrows() / columns, columns),
            units.min(IN_ROW),
        );
        let templates = !self.hidden;
        let is_dead = |unit: usize| self.active.as_ref().is_some_and(|active| active[unit] == 0.0);
        let dead = (0..weights.ncols()).filter(|&unit| is_dead(unit)).count();
        let lights = match self.pad {
            Some(_) => " The bar below each shows what it says of the drawing.",
            None => "",
        };
        let captions = match (&self.active, &self.pad) {
            (Some(_), Some(_)) => {
                " “For” names the two classes that a unit speaks for most, “on for” says for how many of the validation images its output is above 0."
            }
            (Some(_), None) => {
                " “On for” says for how many of the validation images a unit's output is above 0."
            }
            (None, Some(_)) if self.hidden => {
                " “For” names the two classes that a unit speaks for most."
            }
            (None, _) => "",
        };
        let mut html = format!(
            "<section><h2>{}</h2><p>{} Ink on an orange pixel raises the output, ink on a blue one lowers it. White pixels do not matter. All \
             pictures share one scale.{lights}{captions}{}</p><div class=\"gallery\" id=\"units\">{strip}",
            if templates { "The weights of each class" } else { "The weights of the hidden units" },
            if templates {
                "The weights from each pixel to the output of each class.".to_owned()
            } else {
                format!(
                    "The weights from each pixel to {units} of {} hidden units.",
                    weights.ncols()
                )
            },
            match dead {
                0 => String::new(),
                dead => format!(
                    " Dead, as their output is 0 for every validation image: {dead} of {} units.",
                    weights.ncols()
                ),
            }
        );
        for unit in 0..units {
            let name = if templates { escape(&self.classes[unit]) } else { format!("{unit}") };
            let active = self.active.as_ref().map(|active| match active[unit] {
                0.0 => "<span><b>dead</b></span>".to_owned(),
                share if share < 0.01 => "<span>on for &lt;1 %</span>".to_owned(),
                share => format!("<span>on for {:.0} %</span>", 100.0 * share),
            });
            let light = match self.pad {
                Some(_) => "<span class=\"light\"></span><span class=\"says\"></span>",
                None => "",
            };
            let _ = write!(
                html,
                "<figure{}><i role=\"img\" aria-label=\"weights of {name}\" class=\"u\" style=\"{}\"></i>{light}<figcaption><b>{name}</b>{}{}</figcaption></figure>",
                if is_dead(unit) { " class=\"dead\"" } else { "" },
                place(unit),
                if templates { "" } else { "<span class=\"for\"></span>" },
                active.unwrap_or_default()
            );
        }
        html.push_str("</div></section>");
        html
    }

    fn calibration(&self, predictions: &[Prediction]) -> String {
        let bins = bins(predictions);
        let mut rows = String::new();
        for Bin { confidence, accuracy, samples } in &bins {
            let (confidence, accuracy) = (100.0 * confidence, 100.0 * accuracy);
            let _ = write!(
                rows,
                "<tr><td>{confidence:.1} %</td><td>{accuracy:.1} %</td><td>{samples}</td></tr>"
            );
        }
        format!(
            "<section><h2>Calibration</h2><p>Is the model as confident as it is accurate? {} are grouped by confidence, which is \
             the predicted probability of their most probable class. On the dashed line, predictions with a confidence of 80 % are correct in \
             80 % of cases. Below the line, the model is overconfident. The expected calibration error, the mean distance from the line weighted \
             by {samples}, is {:.1} %.</p><div class=\"pair\">{}<table><tr><th scope=\"col\">confidence</th><th scope=\"col\">accuracy</th><th scope=\"col\">{samples}</th></tr>\
             {rows}</table></div></section>",
            if self.images.is_some() { "Images" } else { "Samples" },
            100.0 * self.calibration_error(),
            calibration_svg(&bins, self.samples()),
            samples = self.samples()
        )
    }

    fn classes_table(&self, counts: &[Vec<usize>]) -> String {
        let scores = scores(counts);
        let mut html = format!(
            "<section><h2>Precision and recall</h2><p>Precision: the share of the predictions of a class that are correct. Recall: the share of a \
             class that is found. F1: their harmonic mean. The macro average takes all classes alike, the weighted one by their {}.</p><div class=\"scroll\">\
             <table class=\"start\"><tr><th scope=\"col\">class</th><th scope=\"col\">precision</th><th scope=\"col\">recall</th><th scope=\"col\">F1</th><th scope=\"col\">{}</th></tr>",
            self.samples(),
            self.samples()
        );
        let percent = |share: Option<f64>| match share {
            None => "–".to_owned(),
            Some(share) => format!("{:.1} %", 100.0 * share),
        };
        let classes = self.classes.iter().map(|name| ("", escape(name))).zip(&scores);
        let means = [
            (("total", "macro average".to_owned()), &mean(&scores, false)),
            (("", "weighted average".to_owned()), &mean(&scores, true)),
        ];
        for ((class, name), scores) in classes.chain(means) {
            let _ = write!(
                html,
                "<tr class=\"{class}\"><th scope=\"row\">{name}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                percent(scores.precision),
                percent(scores.recall),
                percent(scores.f1),
                scores.samples
            );
        }
        html.push_str("</table></div></section>");
        html
    }
}

/// The beginning of a page.
pub(crate) fn head(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{}</style>\n<main>",
        escape(title),
        crate::web::STYLE
    )
}

/// The end of a page, with its scripts.
pub(crate) fn foot(scripts: &[&str]) -> String {
    let scripts = scripts.concat();
    format!("</main>\n<script>\n\"use strict\";\n{}{scripts}</script>\n</html>\n", crate::web::PAGE)
}

/// The values of two charts by epoch.
pub(crate) fn values_table(first: &[Curve], second: &[Curve], names: [&str; 2]) -> String {
    let curves: Vec<&Curve> = first.iter().chain(second).collect();
    let epochs = curves.iter().map(|curve| curve.values.len()).max().unwrap_or(0);
    let every = epochs.div_ceil(EPOCHS).max(1);
    let heads = first.iter().map(|c| (names[0], c)).chain(second.iter().map(|c| (names[1], c)));
    let heads = heads.map(|(what, c)| format!("<th scope=\"col\">{} {what}</th>", escape(&c.name)));
    let mut rows = String::new();
    for epoch in (0..epochs).filter(|epoch| epoch % every == 0 || epoch + 1 == epochs) {
        let cells = curves.iter().map(|curve| match curve.values.get(epoch) {
            Some(value) => format!("<td>{value:.4}</td>"),
            None => "<td></td>".to_owned(),
        });
        let cells: String = cells.collect();
        let _ = write!(rows, "<tr><th scope=\"row\">{epoch}</th>{cells}</tr>");
    }
    format!(
        "<details><summary>The values of each epoch</summary><div class=\"scroll\"><table><tr><th scope=\"col\">epoch</th>{}</tr>{rows}</table></div></details>",
        heads.collect::<String>()
    )
}

/// Style for pictures of class `name` that are parts of one picture, with so many in a row. Each has the shape
/// of an image.
pub(crate) fn strip_style(
    name: &str,
    png: &[u8],
    (_, rows, columns): (usize, usize, usize),
    in_row: usize,
) -> String {
    let (address, shape) = (address(png), rows as f64 / columns.max(1) as f64);
    format!(
        "<style>i.{name}{{--h:calc({shape:.4}*var(--w));background-image:url(\"{address}\");background-size:calc({in_row}*var(--w)) auto}}</style>"
    )
}

/// Where an image is in such a picture.
pub(crate) fn place(at: usize) -> String {
    format!("--x:{};--y:{}", at % IN_ROW, at / IN_ROW)
}

/// What a run was made with, how it came about, and the files beside the page.
pub(crate) fn made(
    settings: &[(String, String)],
    made: &[(String, String)],
    files: &[&str],
) -> String {
    let row = |class: &str, name: &str, value: &str| {
        format!("<tr{class}><th scope=\"row\">{}</th><td>{value}</td></tr>\n", escape(name))
    };
    let mut rows: String =
        settings.iter().map(|(name, value)| row("", name, &escape(value))).collect();
    rows.extend(made.iter().map(|(name, value)| row(" class=\"made\"", name, &escape(value))));
    if !files.is_empty() {
        let link = |name: &&str| {
            let name = escape(name);
            format!("<a href=\"{name}\">{name}</a>")
        };
        let links: Vec<String> = files.iter().map(link).collect();
        rows += &row("", "files", &links.join(", "));
    }
    match rows.as_str() {
        "" => String::new(),
        rows => format!(
            "<section><h2>How this was made</h2><table class=\"plain\">\n{rows}</table></section>"
        ),
    }
}

fn calibration_svg(bins: &[Bin], samples: &str) -> String {
    const STYLE: &str = "
      .calibration path { stroke: #222; fill: none } .calibration .ideal { stroke-dasharray: 4 4 } .calibration circle { fill: #0b62a4 }
      .calibration .grid { stroke: #ddd } .calibration text { fill: #222; font: 13px system-ui, sans-serif } .calibration .paper { fill: #fff }
      @media (prefers-color-scheme: dark) { .calibration path { stroke: #ddd } .calibration .grid { stroke: #3a3a3a }
        .calibration circle { fill: #6cb6ff } .calibration text { fill: #ddd } .calibration .paper { fill: #181818 } }";
    let all = bins.iter().map(|b| b.samples).sum::<usize>() as f64;
    let (mut ticks, mut points, mut description) = (String::new(), String::new(), String::new());
    for tick in 0..=5 {
        let value = f64::from(tick) / 5.0;
        let (x, y) = (48.0 + 280.0 * value, 300.0 - 280.0 * value);
        let _ = write!(
            ticks,
            "<path class=\"grid\" d=\"M48 {y:.0}H328M{x:.0} 300V20\"/><text x=\"42\" y=\"{:.0}\" text-anchor=\"end\">{value:.1}</text>\
             <text x=\"{x:.0}\" y=\"316\" text-anchor=\"middle\">{value:.1}</text>",
            y + 4.0
        );
    }
    for Bin { confidence, accuracy, samples: of_bin } in bins {
        let (x, y) = (48.0 + 280.0 * confidence, 300.0 - 280.0 * accuracy);
        let radius = 3.0 + 9.0 * (*of_bin as f64 / all).sqrt();
        let _ = write!(
            points,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>confidence {confidence:.3}, accuracy {accuracy:.3}, {of_bin} {samples}</title></circle>"
        );
        let _ = write!(description, " {accuracy:.3} at {confidence:.3} ({of_bin} {samples});");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"calibration\" viewBox=\"0 0 348 340\" role=\"img\"><title>Accuracy against \
         confidence</title><desc>Accuracy{description}</desc><style>{STYLE}</style><rect class=\"paper\" width=\"348\" height=\"340\"/>{ticks}\
         <path d=\"M48 300H328M48 300V20\"/><path class=\"ideal\" d=\"M48 300L328 20\"/>{points}<text x=\"188\" y=\"335\" \
         text-anchor=\"middle\">confidence</text><text transform=\"translate(14 160) rotate(-90)\" text-anchor=\"middle\">accuracy</text></svg>\n"
    )
}
