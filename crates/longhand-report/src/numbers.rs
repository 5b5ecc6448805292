use std::fmt::Write;

use crate::chart::{Chart, Curve, escape, loss_chart, squared_loss_svg};
use crate::page::{foot, head, made, values_table};

/// What the page of a run shows that predicts numbers.
///
/// ```
/// use longhand_report::{Curve, NumbersReport};
///
/// let report = NumbersReport {
///     title: "Prices".to_owned(),
///     settings: vec![],
///     made: vec![],
///     files: &[],
///     losses: vec![Curve::new("valid", vec![1.0, 0.2])],
///     errors: vec![Curve::new("valid", vec![5.0, 2.0])],
///     name: "price".to_owned(),
///     targets: &[10.0, 20.0],
///     predictions: &[12.0, 18.0],
/// };
/// assert!(report.html().contains("Root of the mean squared error 2 on 2 samples"));
/// ```
#[derive(Clone, Debug)]
pub struct NumbersReport<'a> {
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
    /// Roots of the mean squared error by epoch, in the unit of the targets.
    pub errors: Vec<Curve>,
    /// What is predicted.
    pub name: String,
    /// What it was for each sample.
    pub targets: &'a [f64],
    /// What was predicted for it.
    pub predictions: &'a [f64],
}

impl NumbersReport<'_> {
    /// The page.
    ///
    /// # Panics
    /// There are not as many predictions as targets.
    #[track_caller]
    pub fn html(&self) -> String {
        let (n, predictions) = (self.targets.len(), self.predictions.len());
        assert!(predictions == n, "NumbersReport: {predictions} predictions, expected {n}");
        let title = escape(&self.title);
        let mean = self.targets.iter().sum::<f64>() / n.max(1) as f64;
        let squares = |other: &dyn Fn(usize) -> f64| -> f64 {
            (0..n).map(|i| (self.targets[i] - other(i)).powi(2)).sum()
        };
        let (error, spread) = (squares(&|i| self.predictions[i]), squares(&|_| mean));
        let root = |squares: f64| significant((squares / n.max(1) as f64).sqrt());
        let explained = match spread > 0.0 {
            true => {
                let share = 100.0 * (1.0 - error / spread);
                format!(": the net explains {share:.1} % of the variance (R²)")
            }
            false => String::new(),
        };
        let (error, spread) = (root(error), root(spread));
        let parts = [
            head(&self.title),
            format!(
                "<h1>{title}</h1>\n<p class=\"lead\">Root of the mean squared error {error} on {n} samples. Predicting the mean for each gives {spread}{explained}.</p>"
            ),
            format!("<div class=\"pair\">{}{}</div>", self.loss_svg(), self.error_svg()),
            values_table(&self.losses, &self.errors, ["loss", "error"]),
            format!(
                "<section><h2>Predicted against true {}</h2><p>On the dashed line, both are the same.</p><div class=\"pair\">{}</div></section>",
                escape(&self.name),
                self.predictions_svg()
            ),
            made(&self.settings, &self.made, self.files),
            foot(&[]),
        ];
        parts.join("\n")
    }

    /// The losses as a separate picture.
    pub fn loss_svg(&self) -> String {
        squared_loss_svg(&format!("Loss of {}", self.title), &self.losses)
    }

    /// The errors as a separate picture.
    pub fn error_svg(&self) -> String {
        let title = &format!("Error of {}", self.title);
        let (x, y) = ("epoch", "root of the mean squared error");
        loss_chart(&Chart { title, x, y, curves: &self.errors, ..Chart::default() })
    }

    /// Predictions against targets as a separate picture.
    pub fn predictions_svg(&self) -> String {
        const STYLE: &str = "
      .calibration path { stroke: #222; fill: none } .calibration .ideal { stroke-dasharray: 4 4 } .calibration circle { fill: #0b62a4; fill-opacity: .5 }
      .calibration text { fill: #222; font: 13px system-ui, sans-serif } .calibration .paper { fill: #fff }
      @media (prefers-color-scheme: dark) { .calibration path { stroke: #ddd } .calibration circle { fill: #6cb6ff }
        .calibration text { fill: #ddd } .calibration .paper { fill: #181818 } }";
        const MOST: usize = 2000;
        let finite =
            |values: &[f64]| values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<_>>();
        let all = [finite(self.targets), finite(self.predictions)].concat();
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let range = if high > low { high - low } else { 1.0 };
        let at = |value: f64| 280.0 * (value - low) / range;
        let mut points = String::new();
        for (target, prediction) in self.targets.iter().zip(self.predictions).take(MOST) {
            if prediction.is_finite() {
                let (x, y) = (40.0 + at(*target), 300.0 - at(*prediction));
                let _ = write!(points, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
        }
        let (low, high) = if all.is_empty() { (0.0, 1.0) } else { (low, high) };
        let (low, high) = (significant(low), significant(high));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"calibration\" viewBox=\"0 0 340 340\" role=\"img\"><title>Predicted against true \
             values</title><desc>{} samples from {low} to {high}</desc><style>{STYLE}</style><rect class=\"paper\" width=\"340\" \
             height=\"340\"/><path d=\"M40 300H320M40 300V20\"/><path class=\"ideal\" d=\"M40 300L320 20\"/>{points}<text x=\"180\" y=\"332\" \
             text-anchor=\"middle\">true</text><text transform=\"translate(16 160) rotate(-90)\" text-anchor=\"middle\">predicted</text>\
             <text x=\"40\" y=\"316\" text-anchor=\"middle\">{low}</text><text x=\"320\" y=\"316\" text-anchor=\"middle\">{high}</text></svg>\n",
            self.targets.len()
        )
    }
}

/// A number with four digits.
fn significant(value: f64) -> String {
    let magnitude =
        if value == 0.0 || !value.is_finite() { 0 } else { value.abs().log10().floor() as i32 };
    let text = format!("{value:.*}", (3 - magnitude).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
