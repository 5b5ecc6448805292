use std::fmt::Write;

use ndarray::{Array2, ArrayView2, ArrayView3};

use crate::chart::{Chart, Curve, escape, loss_svg};
use crate::heat::HeatMap;
use crate::picture::{address, diverging, gray};
use crate::statistics::wilson;

/// What a run's page shows. The [crate's page](crate) has an example.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The heading.
    pub title: String,
    /// The settings of the run: names and values.
    pub settings: Vec<(String, String)>,
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
}

/// Images shown for a cell of the confusion matrix.
const SHOWN: usize = 12;
/// Units of the first layer whose weights are shown.
const UNITS: usize = 100;
const MISTAKES: usize = 24;
const BINS: usize = 10;

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

/// An image and its prediction.
struct Prediction {
    image: usize,
    label: usize,
    /// The classes, the most probable first.
    order: Vec<usize>,
    /// Probability of the most probable class.
    confidence: f32,
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
        let predictions = self.predictions();
        let right = predictions.iter().filter(|a| a.order[0] == a.label).count();
        let (low, high) = wilson(right, n);

        let mut html = String::from(HEAD);
        let mut section = |part: String| {
            html.push_str(&part);
            html.push('\n');
        };
        let title = escape(&self.title);
        section(format!("<title>{title}</title>\n<h1>{title}</h1>"));
        section(format!(
            "<p class=\"lead\">Accuracy {:.1} % on {n} {} (95 % Wilson interval: {:.1} to {:.1} %).</p>",
            100.0 * right as f64 / n.max(1) as f64,
            self.samples(),
            100.0 * low,
            100.0 * high
        ));
        section(settings_table(&self.settings));
        section(format!("<div class=\"pair\">{}{}</div>", self.loss_svg(), self.accuracy_svg()));
        section(self.confusion(&predictions));
        section(self.mistakes(&predictions));
        section(self.weights());
        section(self.calibration(&predictions));
        section(self.classes_table(&predictions));
        html.push_str("</main>\n");
        html + if self.images.is_some() { SCRIPT } else { "</html>\n" }
    }

    /// What the samples are.
    fn samples(&self) -> &'static str {
        if self.images.is_some() { "images" } else { "samples" }
    }

    /// The losses as a picture of their own. The loss of guessing is marked.
    pub fn loss_svg(&self) -> String {
        loss_svg(&format!("Loss of {}", self.title), &self.losses, self.classes.len())
    }

    /// The accuracies as a picture of their own.
    pub fn accuracy_svg(&self) -> String {
        let title = &format!("Accuracy of {}", self.title);
        let (x, y, mark) = ("epoch", "accuracy", Some((1.0, "all correct")));
        Chart { title, x, y, curves: &self.accuracies, mark, ticks: &[] }.svg()
    }

    /// The confusion matrix as a picture of its own.
    pub fn confusion_svg(&self) -> String {
        let classes = self.classes.len();
        let mut counts = vec![vec![0.0; classes]; classes];
        for prediction in self.predictions() {
            counts[prediction.label][prediction.order[0]] += 1.0;
        }
        let share = |row: &Vec<f64>| {
            let all = row.iter().sum::<f64>().max(1.0);
            row.iter().map(|count| Some(count / all)).collect()
        };
        let values: Vec<Vec<Option<f64>>> = counts.iter().map(share).collect();
        let title = &format!("Confusion matrix of {}", self.title);
        let (x, y, rows) = ("predicted", "label", &self.classes);
        HeatMap { title, x, y, columns: rows, rows, values: &values, best: false }.svg()
    }

    /// The calibration curve as a picture of its own.
    pub fn calibration_svg(&self) -> String {
        calibration_svg(&bins(&self.predictions()), self.samples())
    }

    /// The worst mistakes side by side as a PNG picture, six in a row, the most confident one
    /// first. `None` if there is no mistake.
    pub fn mistakes_png(&self) -> Option<Vec<u8>> {
        let predictions = self.predictions();
        let wrong = worst_mistakes(&predictions);
        let shown: Vec<usize> = wrong.iter().take(MISTAKES).map(|a| a.image).collect();
        self.images.filter(|_| !shown.is_empty()).map(|images| gray(images, &shown, 6))
    }

    /// The first layer's weights as a PNG picture, ten units in a row. `None` if a unit does not
    /// have one weight for each pixel.
    pub fn weights_png(&self) -> Option<Vec<u8>> {
        let (_, shown, columns) = self.shown_weights()?;
        Some(diverging(shown, columns, 10))
    }

    /// The expected calibration error, 0 to 1. Images are put into ten bins by the predicted
    /// probability of their most probable class. The error is the mean distance between this
    /// probability and the accuracy in a bin, weighted by images.
    ///
    /// Source: C. Guo et al., *On Calibration of Modern Neural Networks*, 2017, equation 3.
    pub fn calibration_error(&self) -> f64 {
        let (predictions, n) = (self.predictions(), self.labels.len() as f64);
        let distance = |bin: &Bin| (bin.confidence - bin.accuracy).abs() * bin.images as f64 / n;
        bins(&predictions).iter().map(distance).sum()
    }

    /// The mistake with the highest confidence.
    pub fn worst_mistake(&self) -> Option<Mistake> {
        let predictions = self.predictions();
        worst_mistakes(&predictions).first().map(|worst| Mistake {
            image: worst.image,
            label: worst.label,
            answer: worst.order[0],
            certainty: f64::from(worst.confidence),
        })
    }

    fn predictions(&self) -> Vec<Prediction> {
        (0..self.labels.len()).map(|image| self.prediction(image)).collect()
    }

    fn prediction(&self, image: usize) -> Prediction {
        let row = self.probabilities.row(image);
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        Prediction { image, label: self.labels[image], confidence: row[order[0]], order }
    }

    fn confusion(&self, predictions: &[Prediction]) -> String {
        let classes = self.classes.len();
        let mut cells: Vec<Vec<&Prediction>> = (0..classes * classes).map(|_| vec![]).collect();
        for prediction in predictions {
            cells[prediction.label * classes + prediction.order[0]].push(prediction);
        }
        let mut shown = vec![];
        let press = match self.images {
            Some(_) => {
                " Press a cell to see its images: the most confident mistakes, or the least confident correct predictions, come first."
            }
            None => "",
        };
        let mut html = format!(
            "<section><h2>Confusion matrix</h2><p>Rows are labels, columns are predictions.{press}</p><div class=\"scroll\"><table \
             class=\"matrix\"><tr><td></td>",
        );
        for class in &self.classes {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escape(class));
        }
        html.push_str("</tr>");
        for (label, class) in self.classes.iter().enumerate() {
            let of_label = predictions.iter().filter(|a| a.label == label).count().max(1);
            let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(class));
            for predicted in 0..classes {
                let cell = &mut cells[label * classes + predicted];
                let sign = if label == predicted { 1.0 } else { -1.0 };
                cell.sort_by(|a, b| (sign * a.confidence).total_cmp(&(sign * b.confidence)));
                let (kind, strength) = match label == predicted {
                    true => ("right", cell.len() as f64 / of_label as f64),
                    false => ("wrong", (8.0 * cell.len() as f64 / of_label as f64).min(1.0)),
                };
                if self.images.is_none() {
                    let count = cell.len();
                    let _ = write!(
                        html,
                        "<td class=\"{kind}\" style=\"--s:{strength:.2}\">{count}</td>"
                    );
                    continue;
                }
                let names = (escape(class), escape(&self.classes[predicted]), cell.len());
                let pictures: Vec<String> =
                    cell.iter().take(SHOWN).map(|a| self.picture(a, &mut shown)).collect();
                let _ = write!(
                    html,
                    "<td class=\"{kind}\" style=\"--s:{strength:.2}\"><button aria-label=\"{} predicted as {}: {} images\" data-c=\"{}\">{}</button></td>",
                    names.0,
                    names.1,
                    names.2,
                    escape(&pictures.join("")),
                    names.2
                );
            }
            html.push_str("</tr>");
        }
        html.push_str("</table></div>");
        if self.images.is_some() {
            let strip = self.strip("m", &shown);
            let _ = write!(html, "<p id=\"cell\" aria-live=\"polite\"></p>{strip}");
        }
        html + "</section>"
    }

    /// An image of the strip that is being collected, with its label and its predicted class.
    fn picture(&self, prediction: &Prediction, shown: &mut Vec<usize>) -> String {
        let (at, class) = (shown.len(), |i: usize| escape(&self.classes[i]));
        shown.push(prediction.image);
        let (label, predicted) = (class(prediction.label), class(prediction.order[0]));
        let confidence = 100.0 * prediction.confidence;
        format!(
            "<figure><i role=\"img\" aria-label=\"image {}, label {label}\" class=\"m\" style=\"--i:{at}\"></i><figcaption>{label} as {predicted}<br>{confidence:.0} %</figcaption></figure>",
            prediction.image
        )
    }

    /// Style for pictures of class `name` that show the images `shown`.
    fn strip(&self, name: &str, shown: &[usize]) -> String {
        let Some(images) = self.images else { return String::new() };
        let address = address(&gray(images, shown, shown.len()));
        let count = shown.len();
        format!(
            "<style>i.{name}{{background-image:url({address});background-size:calc({count}*var(--w)) var(--w)}}</style>"
        )
    }

    fn mistakes(&self, predictions: &[Prediction]) -> String {
        if self.images.is_none() {
            return String::new();
        }
        let mut wrong = worst_mistakes(predictions);
        let all = wrong.len();
        wrong.truncate(MISTAKES);
        let shown: Vec<usize> = wrong.iter().map(|a| a.image).collect();
        let mut html = format!(
            "<section><h2>The worst mistakes</h2><p>Misclassified images: {all}. Shown are the {} with the highest confidence, each with its label and \
             its three most probable classes.</p><div class=\"gallery\">",
            wrong.len()
        );
        for (at, prediction) in wrong.iter().enumerate() {
            let likeliest = prediction.order.iter().take(3).map(|&class| {
                let share = 100.0 * self.probabilities[[prediction.image, class]];
                format!("{} {share:.0} %", escape(&self.classes[class]))
            });
            let label = escape(&self.classes[prediction.label]);
            let _ = write!(
                html,
                "<figure><i role=\"img\" aria-label=\"image {}\" class=\"w\" style=\"--i:{at}\"></i><figcaption><b>{label}</b>, predicted<br>{}</figcaption></figure>",
                prediction.image,
                likeliest.collect::<Vec<_>>().join("<br>")
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

    fn weights(&self) -> String {
        let Some((weights, shown, columns)) = self.shown_weights() else { return String::new() };
        let units = shown.ncols();
        let address = address(&diverging(shown, columns, units));
        let templates = weights.ncols() == self.classes.len();
        let mut html = format!(
            "<section><h2>{}</h2><p>{} Ink on an orange pixel raises the output, ink on a blue one lowers it. White pixels do not matter. All \
             pictures share one scale.</p><div class=\"gallery\"><style>i.u{{background-image:url({address});background-size:calc({units}*var(--w)) var(--w)}}</style>",
            if templates { "The weights of each class" } else { "The weights of the hidden units" },
            if templates {
                "The weights from each pixel to the output of each class.".to_owned()
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

    fn calibration(&self, predictions: &[Prediction]) -> String {
        let bins = bins(predictions);
        let mut rows = String::new();
        for Bin { confidence, accuracy, images } in &bins {
            let (confidence, accuracy) = (100.0 * confidence, 100.0 * accuracy);
            let _ = write!(
                rows,
                "<tr><td>{confidence:.1} %</td><td>{accuracy:.1} %</td><td>{images}</td></tr>"
            );
        }
        format!(
            "<section><h2>Calibration</h2><p>Is the model as confident as it is accurate? {} are grouped by confidence, which is \
             the predicted probability of their most probable class. On the dashed line, predictions with a confidence of 80 % are correct in \
             80 % of cases. Below the line, the model is overconfident. The expected calibration error, the mean distance from the line weighted \
             by {samples}, is {:.1} %.</p><div class=\"pair\">{}<table><tr><th>confidence</th><th>accuracy</th><th>{samples}</th></tr>\
             {rows}</table></div></section>",
            if self.images.is_some() { "Images" } else { "Samples" },
            100.0 * self.calibration_error(),
            calibration_svg(&bins, self.samples()),
            samples = self.samples()
        )
    }

    fn classes_table(&self, predictions: &[Prediction]) -> String {
        let mut html = format!(
            "<section><h2>Class by class</h2><div class=\"scroll\"><table><tr><th>class</th><th>{}</th><th>recall</th>\
             <th>precision</th><th>most often misclassified as</th></tr>",
            self.samples()
        );
        for (class, name) in self.classes.iter().enumerate() {
            let of_class: Vec<&Prediction> =
                predictions.iter().filter(|a| a.label == class).collect();
            let predicted: Vec<&Prediction> =
                predictions.iter().filter(|a| a.order[0] == class).collect();
            let right = of_class.iter().filter(|a| a.order[0] == class).count();
            let mut counts = vec![0; self.classes.len()];
            of_class.iter().filter(|a| a.order[0] != class).for_each(|a| counts[a.order[0]] += 1);
            let (worst, count) = (0..).zip(&counts).max_by_key(|(_, c)| **c).unwrap_or((0, &0));
            let mistaken = match count {
                0 => "never".to_owned(),
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
                share(right, predicted.len())
            );
        }
        html.push_str("</table></div></section>");
        html
    }
}

/// Names and values of what a run was made with.
pub(crate) fn settings_table(settings: &[(String, String)]) -> String {
    let rows = settings.iter().map(|(name, value)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(value))
    });
    format!(
        "<details open><summary>Settings</summary><table class=\"plain\">{}</table></details>",
        rows.collect::<String>()
    )
}

/// Samples with about the same confidence.
struct Bin {
    confidence: f64,
    accuracy: f64,
    images: usize,
}

fn bins(predictions: &[Prediction]) -> Vec<Bin> {
    let mut bins = [(0usize, 0usize, 0.0f64); BINS]; // images, correct ones, sum of confidences
    for prediction in predictions {
        let bin = &mut bins[((prediction.confidence * BINS as f32) as usize).min(BINS - 1)];
        let right = usize::from(prediction.order[0] == prediction.label);
        *bin = (bin.0 + 1, bin.1 + right, bin.2 + f64::from(prediction.confidence));
    }
    let mean = |&(images, right, confidences): &(usize, usize, f64)| Bin {
        confidence: confidences / images as f64,
        accuracy: right as f64 / images as f64,
        images,
    };
    bins.iter().filter(|b| b.0 > 0).map(mean).collect()
}

fn calibration_svg(bins: &[Bin], samples: &str) -> String {
    const STYLE: &str = "
      .calibration path { stroke: #222; fill: none } .calibration .ideal { stroke-dasharray: 4 4 } .calibration circle { fill: #0b62a4 }
      .calibration text { fill: #222; font: 13px system-ui, sans-serif } .calibration .paper { fill: #fff }
      @media (prefers-color-scheme: dark) { .calibration path { stroke: #ddd } .calibration circle { fill: #6cb6ff }
        .calibration text { fill: #ddd } .calibration .paper { fill: #181818 } }";
    let all = bins.iter().map(|b| b.images).sum::<usize>() as f64;
    let mut points = String::new();
    let mut description = String::new();
    for Bin { confidence, accuracy, images } in bins {
        let (x, y) = (40.0 + 280.0 * confidence, 300.0 - 280.0 * accuracy);
        let radius = 3.0 + 9.0 * (*images as f64 / all).sqrt();
        let _ = write!(points, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
        let _ = write!(description, " {accuracy:.3} at {confidence:.3} ({images} {samples});");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"calibration\" viewBox=\"0 0 340 340\" role=\"img\"><title>Accuracy against \
         confidence</title><desc>Accuracy{description}</desc><style>{STYLE}</style><rect class=\"paper\" width=\"340\" height=\"340\"/>\
         <path d=\"M40 300H320M40 300V20\"/><path class=\"ideal\" d=\"M40 300L320 20\"/>{points}<text x=\"180\" y=\"330\" \
         text-anchor=\"middle\">confidence</text><text transform=\"translate(16 160) rotate(-90)\" text-anchor=\"middle\">accuracy</text>\
         <text x=\"36\" y=\"304\" text-anchor=\"end\">0</text><text x=\"36\" y=\"26\" text-anchor=\"end\">1</text>\
         <text x=\"320\" y=\"316\" text-anchor=\"middle\">1</text></svg>\n"
    )
}

/// The misclassified images, the most confident mistakes first.
fn worst_mistakes(predictions: &[Prediction]) -> Vec<&Prediction> {
    let mut wrong: Vec<&Prediction> =
        predictions.iter().filter(|a| a.order[0] != a.label).collect();
    wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
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
  cell.innerHTML = button.dataset.c || "No images in this cell.";
}));
const mistakes = [...document.querySelectorAll(".matrix .wrong button")];
mistakes.sort((a, b) => b.textContent - a.textContent)[0]?.click();
</script>
</html>
"#;
