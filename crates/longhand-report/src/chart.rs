use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 344.0;

/// Curves differ in colour and dashes, and each has its name at its end.
const STYLE: &str = "
  .chart text { font: 13px system-ui, sans-serif; fill: #222 }
  .chart .title { font-weight: 600; font-size: 15px }
  .chart .grid { stroke: #ddd } .chart .axis { stroke: #222 } .chart .paper { fill: #fff }
  .chart path.curve { fill: none; stroke-width: 2 }
  .chart path.c0 { stroke: #0b62a4 } .chart path.c1 { stroke: #c2410c; stroke-dasharray: 6 3 }
  .chart path.c2 { stroke: #6b46a8; stroke-dasharray: 2 3 } .chart path.c3 { stroke: #4d6b00; stroke-dasharray: 10 3 2 3 }
  .chart text.c0 { fill: #0b62a4 } .chart text.c1 { fill: #c2410c } .chart text.c2 { fill: #6b46a8 } .chart text.c3 { fill: #4d6b00 }
  .chart .mark { stroke: #777; stroke-dasharray: 3 4 } .chart text.mark { stroke: none; fill: #666 }
  @media (prefers-color-scheme: dark) {
    .chart text { fill: #ddd } .chart .paper { fill: #181818 } .chart .grid { stroke: #3a3a3a } .chart .axis { stroke: #ddd }
    .chart path.c0 { stroke: #6cb6ff } .chart path.c1 { stroke: #ffa366 } .chart path.c2 { stroke: #c9a8ff } .chart path.c3 { stroke: #b7d65a }
    .chart text.c0 { fill: #6cb6ff } .chart text.c1 { fill: #ffa366 } .chart text.c2 { fill: #c9a8ff } .chart text.c3 { fill: #b7d65a }
    .chart text.mark { fill: #aaa }
  }
";

/// A named curve, with one value for each step of the horizontal axis, from step 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The name, shown at the end of the curve.
    pub name: String,
    /// The values. Those that are not finite are left out.
    pub values: Vec<f64>,
}

impl Curve {
    /// A curve of these values.
    pub fn new(name: &str, values: Vec<f64>) -> Curve {
        Curve { name: name.to_owned(), values }
    }
}

/// A chart of up to four curves, as an SVG picture that needs no other file.
///
/// ```
/// use longhand_report::{Chart, Curve};
/// let curves = vec![Curve::new("train", vec![2.3, 0.5]), Curve::new("valid", vec![2.3, 0.6])];
/// let mark = Some((2.303, "ln 10"));
/// let chart = Chart { title: "Loss", x: "epoch", y: "loss", curves: &curves, mark, ticks: &[] };
/// let svg = chart.svg();
/// assert!(svg.starts_with("<svg ") && svg.contains("train from 2.3000 to 0.5000"));
/// ```
#[derive(Clone, Debug)]
pub struct Chart<'a> {
    /// The title, shown above the chart.
    pub title: &'a str,
    /// The label of the horizontal axis.
    pub x: &'a str,
    /// The label of the vertical axis, which begins at 0.
    pub y: &'a str,
    /// The curves.
    pub curves: &'a [Curve],
    /// A value marked by a horizontal line, and its name.
    pub mark: Option<(f64, &'a str)>,
    /// Names of steps of the horizontal axis. Without any, the steps are numbered.
    pub ticks: &'a [(usize, String)],
}

impl Chart<'_> {
    /// The picture.
    pub fn svg(&self) -> String {
        // The names of the curves need room at the right.
        let longest = self.curves.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
        let right = WIDTH - 24.0 - 7.2 * longest as f64;
        let middle = (LEFT + right) / 2.0;
        let values =
            || self.curves.iter().flat_map(|c| &c.values).copied().filter(|v| v.is_finite());
        let last = self.curves.iter().map(|c| c.values.len().saturating_sub(1)).max().unwrap_or(0);
        let highest = values().chain(self.mark.map(|m| m.0)).fold(0.0, f64::max);
        let (x_step, y_step) = (tick_step(last as f64, 10.0).max(1.0), tick_step(highest, 6.0));
        let (x_max, y_max) = ((last as f64).max(1.0), (highest / y_step).ceil().max(1.0) * y_step);
        let x = |i: usize| LEFT + (right - LEFT) * i as f64 / x_max;
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * value / y_max;

        let (title, description) = (escape(self.title), escape(&self.description()));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"28\">{title}</text>\n",
        );
        let mut add = |line: &str| {
            svg.push_str(line);
            svg.push('\n');
        };
        let decimals = (-y_step.log10().floor()).max(0.0) as usize;
        for i in 0..=(y_max / y_step).round() as usize {
            let (value, at) = (i as f64 * y_step, y(i as f64 * y_step));
            add(&format!("<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right:.1}\"/>"));
            let at = at + 4.0;
            add(&format!(
                "<text x=\"56\" y=\"{at:.1}\" text-anchor=\"end\">{value:.decimals$}</text>"
            ));
        }
        let numbered: Vec<(usize, String)> = match self.ticks {
            [] => (0..=last).step_by(x_step as usize).map(|i| (i, i.to_string())).collect(),
            ticks => ticks.to_vec(),
        };
        for (i, name) in numbered {
            let (at, name) = (x(i), escape(&name));
            add(&format!("<path class=\"axis\" d=\"M{at:.1} {BOTTOM}v5\"/>"));
            add(&format!("<text x=\"{at:.1}\" y=\"364\" text-anchor=\"middle\">{name}</text>"));
        }
        add(&format!("<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{right:.1}\"/>"));
        add(&format!(
            "<text x=\"{middle:.1}\" y=\"388\" text-anchor=\"middle\">{}</text>",
            escape(self.x)
        ));
        let label = escape(self.y);
        add(&format!(
            "<text transform=\"translate(16 196) rotate(-90)\" text-anchor=\"middle\">{label}</text>"
        ));
        if let Some((value, name)) = self.mark {
            let at = y(value);
            add(&format!("<path class=\"mark\" d=\"M{LEFT} {at:.1}H{right:.1}\"/>"));
            let (at, name) = (at - 5.0, escape(name));
            add(&format!(
                "<text class=\"mark\" x=\"{:.1}\" y=\"{at:.1}\" text-anchor=\"end\">{name}</text>",
                right - 4.0
            ));
        }
        let ends: Vec<f64> =
            self.curves.iter().map(|c| c.values.last().map_or(BOTTOM, |v| y(*v))).collect();
        for (i, (curve, at)) in self.curves.iter().zip(kept_apart(&ends)).enumerate() {
            let points = curve.values.iter().enumerate().filter(|(_, v)| v.is_finite());
            let path: Vec<_> = points.map(|(i, v)| format!("{:.1} {:.1}", x(i), y(*v))).collect();
            let (i, name) = (i % 4, escape(&curve.name));
            if !path.is_empty() {
                add(&format!("<path class=\"curve c{i}\" d=\"M{}\"/>", path.join("L")));
            }
            let (at_x, at_y) = (right + 8.0, at + 4.0);
            add(&format!("<text class=\"c{i}\" x=\"{at_x:.1}\" y=\"{at_y:.1}\">{name}</text>"));
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The chart in characters, for a terminal: `width` columns and `height` rows of points, with
    /// an axis beside and one below them.
    ///
    /// ```
    /// use longhand_report::{Chart, Curve};
    /// let train = Curve::new("train", vec![4.0, 2.0, 1.0, 1.0]);
    /// let curves = &[train, Curve::new("valid", vec![4.0, 3.0, 2.0, 2.0])];
    /// let chart = Chart { title: "Loss", x: "epoch", y: "loss", curves, mark: None, ticks: &[] };
    /// assert_eq!(
    ///     chart.text(10, 5),
    ///     "\
    /// loss by epoch: o train, + valid
    ///   4.00 |++
    ///        |  +++
    ///        |  ooo+++++
    ///        |     ooooo
    ///   0.00 |
    ///         0        3
    /// "
    /// );
    /// ```
    pub fn text(&self, width: usize, height: usize) -> String {
        const MARKS: [char; 4] = ['o', '+', 'x', '*'];
        let (width, height) = (width.max(2), height.max(2));
        let values =
            || self.curves.iter().flat_map(|c| &c.values).copied().filter(|v| v.is_finite());
        let highest = values().fold(f64::MIN_POSITIVE, f64::max);
        let last = self.curves.iter().map(|c| c.values.len()).max().unwrap_or(0).saturating_sub(1);
        let mut points = vec![vec![' '; width]; height];
        for (curve, mark) in self.curves.iter().zip(MARKS.into_iter().cycle()) {
            let steps = (0..width).map(|column| (column * last + (width - 1) / 2) / (width - 1));
            for (column, value) in steps.map(|step| curve.values.get(step)).enumerate() {
                let Some(value) = value.filter(|v| v.is_finite()) else { continue };
                let row = (value.max(0.0) / highest * (height - 1) as f64).round() as usize;
                points[height - 1 - row][column] = mark;
            }
        }
        let names = self.curves.iter().zip(MARKS.into_iter().cycle());
        let names: Vec<String> = names.map(|(c, mark)| format!("{mark} {}", c.name)).collect();
        let mut text = format!("{} by {}: {}\n", self.y, self.x, names.join(", "));
        for (r, row) in points.iter().enumerate() {
            let label = match r {
                0 => format!("{highest:.2}"),
                r if r + 1 == height => "0.00".to_owned(),
                _ => String::new(),
            };
            let row: String = row.iter().collect();
            let _ = writeln!(text, "{label:>6} |{}", row.trim_end());
        }
        let to = width - 1;
        let _ = writeln!(text, "        0{last:>to$}");
        text
    }

    fn description(&self) -> String {
        let mut text = format!("{} over {}:", self.y, self.x);
        for curve in self.curves {
            if let (Some(first), Some(last)) = (curve.values.first(), curve.values.last()) {
                let _ = write!(text, " {} from {first:.4} to {last:.4};", curve.name);
            }
        }
        text
    }
}

/// Mean cross-entropies by epoch as an SVG picture. The loss of guessing among `classes` is marked.
pub fn loss_svg(title: &str, curves: &[Curve], classes: usize) -> String {
    let chance = (classes as f64).ln();
    let name = format!("ln {classes} = {chance:.3}: guessing");
    let (x, y, mark) = ("epoch", "mean cross-entropy", Some((chance, &*name)));
    Chart { title, x, y, curves, mark, ticks: &[] }.svg()
}

/// Heights of names, each as near to the end of its curve as possible without touching another.
fn kept_apart(ends: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|&a, &b| ends[a].total_cmp(&ends[b]));
    let mut at = ends.to_vec();
    for _ in 0..50 {
        for pair in order.windows(2) {
            let overlap = 16.0 - (at[pair[1]] - at[pair[0]]);
            if overlap > 0.0 {
                at[pair[0]] -= overlap / 2.0;
                at[pair[1]] += overlap / 2.0;
            }
        }
    }
    at
}

/// A step of 1, 2 or 5 times a power of ten that divides `range` into at most `most` parts.
fn tick_step(range: f64, most: f64) -> f64 {
    let rough = (range / most).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|s| s * power >= rough);
    step.unwrap_or(10.0) * power
}

/// Text as it stands in HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
