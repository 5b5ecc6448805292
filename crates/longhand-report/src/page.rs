use std::fmt::Write;

use ndarray::{Array2, ArrayView2, ArrayView3};

use crate::chart::{Chart, Curve, escape, loss_svg};
use crate::heat::HeatMap;
use crate::picture::{address, diverging, gray};
use crate::statistics::wilson;

/// What a page is made of. See the [crate's page](crate) for a whole one.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The heading.
    pub title: String,
    /// Names and values of what the run was started with.
    pub settings: Vec<(String, String)>,
    /// Mean losses, from before training to the last epoch.
    pub losses: Vec<Curve>,
    /// Accuracies, 0 to 1, likewise.
    pub accuracies: Vec<Curve>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The images that were judged, `[n, rows, columns]`, 255 for ink.
    pub images: ArrayView3<'a, u8>,
    /// What they show, each below the number of classes.
    pub labels: &'a [usize],
    /// What the model took each for, `[n, classes]`, each row adding up to 1.
    pub probabilities: ArrayView2<'a, f32>,
    /// The first layer's weights, `[rows · columns, units]`.
    pub weights: Option<Array2<f32>>,
}

/// Images that a cell of the confusion matrix shows.
const SHOWN: usize = 12;
/// Units of the first layer that are shown.
const UNITS: usize = 100;
const MISTAKES: usize = 24;
const BINS: usize = 10;

/// An image that was read wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mistake {
    /// Its position among the images.
    pub image: usize,
    /// The class it shows.
    pub label: usize,
    /// The class it was taken for.
    pub answer: usize,
    /// The probability of that, 0 to 1.
    pub certainty: f64,
}

/// One image and what the model took it for, likeliest class first.
struct Answer {
    image: usize,
    label: usize,
    order: Vec<usize>,
    /// Probability of the likeliest class.
    certainty: f32,
}

impl Report<'_> {
    /// The page.
    ///
    /// # Panics
    /// There are not as many labels or rows of probabilities as images, or a label is not below the number of classes.
    #[track_caller]
    pub fn html(&self) -> String {
        let n = self.images.dim().0;
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
        let answers = self.answers();
        let right = answers.iter().filter(|a| a.order[0] == a.label).count();
        let (low, high) = wilson(right, n);

        let mut html = String::from(HEAD);
        let mut section = |part: String| {
            html.push_str(&part);
            html.push('\n');
        };
        let title = escape(&self.title);
        section(format!("<title>{title}</title>\n<h1>{title}</h1>"));
        section(format!(
            "<p class=\"lead\">{:.1} % of {n} images read rightly. (95 % interval for images like these: {:.1} to {:.1} %, Wilson.)</p>",
            100.0 * right as f64 / n.max(1) as f64,
            100.0 * low,
            100.0 * high
        ));
        section(self.settings_table());
        section(format!("<div class=\"pair\">{}{}</div>", self.loss_svg(), self.accuracy_svg()));
        section(self.confusion(&answers));
        section(self.mistakes(&answers));
        section(self.weights());
        section(self.calibration(&answers));
        section(self.classes_table(&answers));
        html.push_str("</main>\n");
        html.push_str(SCRIPT);
        html
    }

    /// The losses as a picture of their own, with the loss of guessing marked.
    pub fn loss_svg(&self) -> String {
        loss_svg(&format!("Loss of {}", self.title), &self.losses, self.classes.len())
    }

    /// The accuracies as a picture of their own.
    pub fn accuracy_svg(&self) -> String {
        let title = &format!("Accuracy of {}", self.title);
        let (x, y, mark) = ("epoch", "share read rightly", Some((1.0, "all right")));
        Chart { title, x, y, curves: &self.accuracies, mark, ticks: &[] }.svg()
    }

    /// The confusion matrix as a picture of its own.
    pub fn confusion_svg(&self) -> String {
        let classes = self.classes.len();
        let mut counts = vec![vec![0.0; classes]; classes];
        for answer in self.answers() {
            counts[answer.label][answer.order[0]] += 1.0;
        }
        let share = |row: &Vec<f64>| {
            let all = row.iter().sum::<f64>().max(1.0);
            row.iter().map(|count| Some(count / all)).collect()
        };
        let values: Vec<Vec<Option<f64>>> = counts.iter().map(share).collect();
        let title = &format!("What images of each class were read as by {}", self.title);
        let (x, y, rows) = ("read as", "class", &self.classes);
        HeatMap { title, x, y, columns: rows, rows, values: &values, best: false }.svg()
    }

    /// The calibration curve as a picture of its own.
    pub fn calibration_svg(&self) -> String {
        calibration_svg(&bins(&self.answers()))
    }

    /// The worst mistakes side by side as a PNG picture, surest first, six in a row; `None` where there was no mistake.
    pub fn mistakes_png(&self) -> Option<Vec<u8>> {
        let answers = self.answers();
        let wrong = surest_mistakes(&answers);
        let shown: Vec<usize> = wrong.iter().take(MISTAKES).map(|a| a.image).collect();
        (!shown.is_empty()).then(|| gray(self.images, &shown, 6))
    }

    /// The first layer's weights as a PNG picture, ten units in a row; `None` where they are not of an image's size.
    pub fn weights_png(&self) -> Option<Vec<u8>> {
        let (_, shown, columns) = self.shown_weights()?;
        Some(diverging(shown, columns, 10))
    }

    /// The expected calibration error, 0 to 1: how far the probability of the likeliest class is from the share of images for which it is right, on
    /// average over ten groups of images with about the same probability.
    ///
    /// Source: C. Guo et al., *On Calibration of Modern Neural Networks*, 2017, equation 3.
    pub fn calibration_error(&self) -> f64 {
        let (answers, n) = (self.answers(), self.labels.len() as f64);
        let distance = |bin: &Bin| (bin.certainty - bin.accuracy).abs() * bin.images as f64 / n;
        bins(&answers).iter().map(distance).sum()
    }

    /// The wrong answer that was surest of itself.
    pub fn worst_mistake(&self) -> Option<Mistake> {
        let answers = self.answers();
        surest_mistakes(&answers).first().map(|worst| Mistake {
            image: worst.image,
            label: worst.label,
            answer: worst.order[0],
            certainty: f64::from(worst.certainty),
        })
    }

    fn answers(&self) -> Vec<Answer> {
        (0..self.labels.len()).map(|image| self.answer(image)).collect()
    }

    fn answer(&self, image: usize) -> Answer {
        let row = self.probabilities.row(image);
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        Answer { image, label: self.labels[image], certainty: row[order[0]], order }
    }

    fn settings_table(&self) -> String {
        let rows = self.settings.iter().map(|(name, value)| {
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(value))
        });
        format!(
            "<details open><summary>Settings</summary><table class=\"plain\">{}</table></details>",
            rows.collect::<String>()
        )
    }

    fn confusion(&self, answers: &[Answer]) -> String {
        let classes = self.classes.len();
        let mut cells: Vec<Vec<&Answer>> = (0..classes * classes).map(|_| vec![]).collect();
        for answer in answers {
            cells[answer.label * classes + answer.order[0]].push(answer);
        }
        let mut shown = vec![];
        let mut html = String::from(
            "<section><h2>Confusion matrix</h2><p>Rows are what an image shows, columns what it was read as. Press a cell to see its \
             images: mistakes with the surest first, right answers with the least sure first.</p><div class=\"scroll\"><table class=\"matrix\"><tr><td></td>",
        );
        for class in &self.classes {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escape(class));
        }
        html.push_str("</tr>");
        for (label, class) in self.classes.iter().enumerate() {
            let of_label = answers.iter().filter(|a| a.label == label).count().max(1);
            let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(class));
            for read in 0..classes {
                let cell = &mut cells[label * classes + read];
                let sign = if label == read { 1.0 } else { -1.0 };
                cell.sort_by(|a, b| (sign * a.certainty).total_cmp(&(sign * b.certainty)));
                let (kind, strength) = match label == read {
                    true => ("right", cell.len() as f64 / of_label as f64),
                    false => ("wrong", (8.0 * cell.len() as f64 / of_label as f64).min(1.0)),
                };
                let names = (escape(class), escape(&self.classes[read]), cell.len());
                let pictures: Vec<String> =
                    cell.iter().take(SHOWN).map(|a| self.picture(a, &mut shown)).collect();
                let _ = write!(
                    html,
                    "<td class=\"{kind}\" style=\"--s:{strength:.2}\"><button aria-label=\"{} read as {}: {} images\" data-c=\"{}\">{}</button></td>",
                    names.0,
                    names.1,
                    names.2,
                    escape(&pictures.join("")),
                    names.2
                );
            }
            html.push_str("</tr>");
        }
        let _ = write!(
            html,
            "</table></div><p id=\"cell\" aria-live=\"polite\"></p>{}</section>",
            self.strip("m", &shown)
        );
        html
    }

    /// An image of the strip that is being collected, with what it shows and was read as.
    fn picture(&self, answer: &Answer, shown: &mut Vec<usize>) -> String {
        let (at, class) = (shown.len(), |i: usize| escape(&self.classes[i]));
        shown.push(answer.image);
        let (label, read) = (class(answer.label), class(answer.order[0]));
        let certainty = 100.0 * answer.certainty;
        format!(
            "<figure><i role=\"img\" aria-label=\"image {}, a {label}\" class=\"m\" style=\"--i:{at}\"></i><figcaption>{label} as {read}<br>{certainty:.0} %</figcaption></figure>",
            answer.image
        )
    }

    /// Style for pictures of class `name` that show the images `shown`.
    fn strip(&self, name: &str, shown: &[usize]) -> String {
        let address = address(&gray(self.images, shown, shown.len()));
        let count = shown.len();
        format!(
            "<style>i.{name}{{background-image:url({address});background-size:calc({count}*var(--w)) var(--w)}}</style>"
        )
    }

    fn mistakes(&self, answers: &[Answer]) -> String {
        let mut wrong = surest_mistakes(answers);
        let all = wrong.len();
        wrong.truncate(MISTAKES);
        let shown: Vec<usize> = wrong.iter().map(|a| a.image).collect();
        let mut html = format!(
            "<section><h2>The worst mistakes</h2><p>The {} of {all} wrong answers that were surest of themselves, each with its three likeliest \
             classes.</p><div class=\"gallery\">",
            wrong.len()
        );
        for (at, answer) in wrong.iter().enumerate() {
            let likeliest = answer.order.iter().take(3).map(|&class| {
                let share = 100.0 * self.probabilities[[answer.image, class]];
                format!("{} {share:.0} %", escape(&self.classes[class]))
            });
            let label = escape(&self.classes[answer.label]);
            let _ = write!(
                html,
                "<figure><i role=\"img\" aria-label=\"image {}\" class=\"w\" style=\"--i:{at}\"></i><figcaption><b>{label}</b>, read as<br>{}</figcaption></figure>",
                answer.image,
                likeliest.collect::<Vec<_>>().join("<br>")
            );
        }
        let _ = write!(html, "</div>{}</section>", self.strip("w", &shown));
        html
    }

    /// All weights that can be shown as images, those of the units that are shown, and how many columns an image has.
    fn shown_weights(&self) -> Option<(&Array2<f32>, ArrayView2<'_, f32>, usize)> {
        let (_, rows, columns) = self.images.dim();
        let weights = self.weights.as_ref()?;
        let fit = weights.nrows() == rows * columns && !weights.is_empty();
        fit.then(|| {
            (weights, weights.slice(ndarray::s![.., ..weights.ncols().min(UNITS)]), columns)
        })
    }

    fn weights(&self) -> String {
        let Some((weights, shown, columns)) = self.shown_weights() else { return String::new() };
        let units = shown.ncols();
        let address = address(&diverging(shown, columns, units));
        let templates = weights.ncols() == self.classes.len();
        let mut html = format!(
            "<section><h2>{}</h2><p>{} Orange pixels speak for it where there is ink, blue ones against it; white ones do not matter. All share one \
             scale.</p><div class=\"gallery\"><style>i.u{{background-image:url({address});background-size:calc({units}*var(--w)) var(--w)}}</style>",
            if templates {
                "The templates of the classes"
            } else {
                "What the hidden units look for"
            },
            if templates {
                "The weights from each pixel to each class.".to_owned()
            } else {
                format!(
                    "The weights from each pixel to {units} of {} hidden units.",
                    weights.ncols()
                )
            },
        );
        for unit in 0..units {
            let name = if templates { escape(&self.classes[unit]) } else { format!("{unit}") };
            let _ = write!(
                html,
                "<figure><i role=\"img\" aria-label=\"weights of {name}\" class=\"u\" style=\"--i:{unit}\"></i><figcaption>{name}</figcaption></figure>"
            );
        }
        html.push_str("</div></section>");
        html
    }

    fn calibration(&self, answers: &[Answer]) -> String {
        let bins = bins(answers);
        let mut rows = String::new();
        for Bin { certainty, accuracy, images } in &bins {
            let (certainty, accuracy) = (100.0 * certainty, 100.0 * accuracy);
            let _ = write!(
                rows,
                "<tr><td>{certainty:.1} %</td><td>{accuracy:.1} %</td><td>{images}</td></tr>"
            );
        }
        format!(
            "<section><h2>Is it as sure as it is right?</h2><p>Images grouped by the probability of their likeliest class. On the line, answers given \
             with 80 % are right in 80 % of cases; below it the model is too sure of itself. The mean distance from the line, weighted by images \
             (expected calibration error), is {:.1} %.</p><div class=\"pair\">{}<table><tr><th>certainty</th><th>accuracy</th><th>images</th></tr>\
             {rows}</table></div></section>",
            100.0 * self.calibration_error(),
            calibration_svg(&bins)
        )
    }

    fn classes_table(&self, answers: &[Answer]) -> String {
        let mut html = String::from(
            "<section><h2>Class by class</h2><div class=\"scroll\"><table><tr><th>class</th><th>images</th><th>read rightly</th>\
             <th>of what was read so, right</th><th>most often read as</th></tr>",
        );
        for (class, name) in self.classes.iter().enumerate() {
            let of_class: Vec<&Answer> = answers.iter().filter(|a| a.label == class).collect();
            let read: Vec<&Answer> = answers.iter().filter(|a| a.order[0] == class).collect();
            let right = of_class.iter().filter(|a| a.order[0] == class).count();
            let mut counts = vec![0; self.classes.len()];
            of_class.iter().filter(|a| a.order[0] != class).for_each(|a| counts[a.order[0]] += 1);
            let (worst, count) = (0..).zip(&counts).max_by_key(|(_, c)| **c).unwrap_or((0, &0));
            let mistaken = match count {
                0 => "never wrong".to_owned(),
                _ => format!("{} ({count})", escape(&self.classes[worst])),
            };
            let share = |part: usize, whole: usize| match whole {
                0 => "–".to_owned(),
                _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
            };
            let _ = write!(
                html,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{mistaken}</td></tr>",
                escape(name),
                of_class.len(),
                share(right, of_class.len()),
                share(right, read.len())
            );
        }
        html.push_str("</table></div></section>");
        html
    }
}

/// Images of about the same certainty.
struct Bin {
    certainty: f64,
    accuracy: f64,
    images: usize,
}

fn bins(answers: &[Answer]) -> Vec<Bin> {
    let mut bins = [(0usize, 0usize, 0.0f64); BINS]; // images, right ones, sum of certainties
    for answer in answers {
        let bin = &mut bins[((answer.certainty * BINS as f32) as usize).min(BINS - 1)];
        let right = usize::from(answer.order[0] == answer.label);
        *bin = (bin.0 + 1, bin.1 + right, bin.2 + f64::from(answer.certainty));
    }
    let mean = |&(images, right, certainties): &(usize, usize, f64)| Bin {
        certainty: certainties / images as f64,
        accuracy: right as f64 / images as f64,
        images,
    };
    bins.iter().filter(|b| b.0 > 0).map(mean).collect()
}

fn calibration_svg(bins: &[Bin]) -> String {
    const STYLE: &str = "
      .calibration path { stroke: #222; fill: none } .calibration .ideal { stroke-dasharray: 4 4 } .calibration circle { fill: #0b62a4 }
      .calibration text { fill: #222; font: 13px system-ui, sans-serif } .calibration .paper { fill: #fff }
      @media (prefers-color-scheme: dark) { .calibration path { stroke: #ddd } .calibration circle { fill: #6cb6ff }
        .calibration text { fill: #ddd } .calibration .paper { fill: #181818 } }";
    let all = bins.iter().map(|b| b.images).sum::<usize>() as f64;
    let mut points = String::new();
    let mut description = String::new();
    for Bin { certainty, accuracy, images } in bins {
        let (x, y) = (40.0 + 280.0 * certainty, 300.0 - 280.0 * accuracy);
        let radius = 3.0 + 9.0 * (*images as f64 / all).sqrt();
        let _ = write!(points, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
        let _ = write!(description, " {accuracy:.3} at {certainty:.3} ({images} images);");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"calibration\" viewBox=\"0 0 340 340\" role=\"img\"><title>Accuracy against \
         certainty</title><desc>Accuracy{description}</desc><style>{STYLE}</style><rect class=\"paper\" width=\"340\" height=\"340\"/>\
         <path d=\"M40 300H320M40 300V20\"/><path class=\"ideal\" d=\"M40 300L320 20\"/>{points}<text x=\"180\" y=\"330\" \
         text-anchor=\"middle\">certainty</text><text transform=\"translate(16 160) rotate(-90)\" text-anchor=\"middle\">accuracy</text>\
         <text x=\"36\" y=\"304\" text-anchor=\"end\">0</text><text x=\"36\" y=\"26\" text-anchor=\"end\">1</text>\
         <text x=\"320\" y=\"316\" text-anchor=\"middle\">1</text></svg>\n"
    )
}

/// The wrong answers, those that were surest of themselves first.
fn surest_mistakes(answers: &[Answer]) -> Vec<&Answer> {
    let mut wrong: Vec<&Answer> = answers.iter().filter(|a| a.order[0] != a.label).collect();
    wrong.sort_by(|a, b| b.certainty.total_cmp(&a.certainty));
    wrong
}

pub(crate) const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root { --ink: #222; --paper: #fff; --faint: #ddd; --right: 11,98,164; --wrong: 217,95,2; --w: 56px }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181818; --faint: #3a3a3a; --right: 80,160,240; --wrong: 240,130,50 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 }
main { max-width: 62rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2rem } .lead { font-size: 1.15rem }
table { border-collapse: collapse } th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--faint) }
.plain th, .plain td { text-align: left } .scroll { overflow-x: auto } pre { font-size: .85rem; line-height: 1.35 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; align-items: start }
.pair svg { width: 100% } .calibration { max-width: 22rem }
.matrix td, .matrix th { padding: 0; border: 1px solid var(--faint); text-align: center; min-width: 2.4rem; height: 2.2rem }
.matrix td.right { background: rgba(var(--right), calc(var(--s) * .45)) } .matrix td.wrong { background: rgba(var(--wrong), calc(var(--s) * .6)) }
.matrix button { all: unset; cursor: pointer; display: block; width: 100%; line-height: 2.2rem }
.matrix button:focus-visible, .matrix button[aria-pressed=true] { outline: 2px solid var(--ink); outline-offset: -2px }
.gallery, #cell { display: flex; flex-wrap: wrap; gap: .6rem } figure { margin: 0; text-align: center; font-size: .8rem; line-height: 1.25; min-width: var(--w) }
#cell { min-height: 6rem }
figure i { display: block; width: var(--w); height: var(--w); margin: 0 auto .2rem; image-rendering: pixelated; border: 1px solid var(--faint);
  background-position: calc(var(--i) * -1 * var(--w)) 0; background-repeat: no-repeat }
@media print { section { break-inside: avoid } figure i, .matrix td { print-color-adjust: exact; -webkit-print-color-adjust: exact } }
</style>
<main>
"#;

const SCRIPT: &str = r#"<script>
const cell = document.getElementById("cell");
document.querySelectorAll(".matrix button").forEach(button => button.addEventListener("click", () => {
  document.querySelectorAll(".matrix [aria-pressed]").forEach(other => other.removeAttribute("aria-pressed"));
  button.setAttribute("aria-pressed", "true");
  cell.innerHTML = button.dataset.c || "No image here.";
}));
const mistakes = [...document.querySelectorAll(".matrix .wrong button")];
mistakes.sort((a, b) => b.textContent - a.textContent)[0]?.click();
</script>
</html>
"#;
