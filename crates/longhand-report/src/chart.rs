use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 344.0;

/// Colours are of models, dashes of training sets, and each curve has its name at its end.
pub(crate) const STYLE: &str = "
  .chart text { font: 13px system-ui, sans-serif; fill: #222 }
  .chart .title { font-weight: 600; font-size: 15px }
  .chart .grid { stroke: #ddd } .chart .axis { stroke: #222 } .chart .paper { fill: #fff } .chart .hit { fill: transparent }
  .chart path.curve { fill: none; stroke-width: 2 } .chart path.dashed { stroke-dasharray: 6 3 }
  .chart path.m0 { stroke: #0b62a4 } .chart path.m1 { stroke: #c2410c } .chart path.m2 { stroke: #6b46a8 } .chart path.m3 { stroke: #4d6b00 }
  .chart path.m4 { stroke: #00707a } .chart path.m5 { stroke: #a8326e } .chart path.m6 { stroke: #7a5200 } .chart path.m7 { stroke: #505050 }
  .chart .m0 { fill: #0b62a4 } .chart .m1 { fill: #c2410c } .chart .m2 { fill: #6b46a8 } .chart .m3 { fill: #4d6b00 } .chart .m4 { fill: #00707a }
  .chart .m5 { fill: #a8326e } .chart .m6 { fill: #7a5200 } .chart .m7 { fill: #505050 }
  .chart path.mark { stroke: #777; stroke-dasharray: 3 4 } .chart text.mark, .chart text.shown { fill: #5f5f5f }
  .chart .band { fill: #0b62a4; fill-opacity: .12 } .chart circle { stroke: #fff; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .chart text { fill: #ddd } .chart .paper { fill: #181818 } .chart .grid { stroke: #3a3a3a } .chart .axis { stroke: #ddd }
    .chart path.m0 { stroke: #6cb6ff } .chart path.m1 { stroke: #ffa366 } .chart path.m2 { stroke: #c9a8ff } .chart path.m3 { stroke: #b7d65a }
    .chart path.m4 { stroke: #5cd0d8 } .chart path.m5 { stroke: #ff9ac6 } .chart path.m6 { stroke: #e0b860 } .chart path.m7 { stroke: #c0c0c0 }
    .chart .m0 { fill: #6cb6ff } .chart .m1 { fill: #ffa366 } .chart .m2 { fill: #c9a8ff } .chart .m3 { fill: #b7d65a } .chart .m4 { fill: #5cd0d8 }
    .chart .m5 { fill: #ff9ac6 } .chart .m6 { fill: #e0b860 } .chart .m7 { fill: #c0c0c0 }
    .chart text.mark, .chart text.shown { fill: #a5a5a5 } .chart .band { fill: #6cb6ff; fill-opacity: .2 } .chart circle { stroke: #181818 }
  }
";

/// Colours for models. A ninth model has the first colour again.
pub(crate) const COLOURS: usize = 8;

/// Places of a chart that tell their values, at most.
const HITS: usize = 200;

/// A named curve, with one value for each step of the horizontal axis, from step 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The name, shown at the end of the curve.
    pub name: String,
    /// The values. Those that are not finite are left out.
    pub values: Vec<f64>,
    /// Which model it is of, from 0: this decides the colour.
    pub model: usize,
    /// Whether it is of the training set: such curves are dashed.
    pub training: bool,
}

impl Curve {
    /// A curve of the first model, on other samples than those that it is trained on.
    pub fn new(name: &str, values: Vec<f64>) -> Curve {
        Curve { name: name.to_owned(), values, model: 0, training: false }
    }

    /// The same on the samples that the model is trained on.
    pub fn training(self) -> Curve {
        Curve { training: true, ..self }
    }

    /// The same of another model, counted from 0.
    pub fn of_model(self, model: usize) -> Curve {
        Curve { model, ..self }
    }
}

/// A place of a chart that is marked, on or beside a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark<'a> {
    /// Which model it is of: this decides the colour.
    pub model: usize,
    /// Where it is on the horizontal axis, in steps.
    pub step: usize,
    /// Where it is on the vertical axis.
    pub value: f64,
    /// What is said of it.
    pub text: &'a str,
}

/// A chart of curves, as an SVG picture that needs no other file.
///
/// ```
/// use longhand_report::{Chart, Curve};
/// let train = Curve::new("train", vec![2.3, 0.5]).training();
/// let curves = [train, Curve::new("valid", vec![2.3, 0.6])];
/// let line = Some((2.303, "ln 10"));
/// let chart = Chart { title: "Loss", x: "epoch", y: "loss", curves: &curves, line, ..Chart::default() };
/// let svg = chart.svg();
/// assert!(svg.starts_with("<svg ") && svg.contains("train from 2.3000 to 0.5000"));
/// assert!(svg.contains("epoch 1: train 0.5000, valid 0.6000"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chart<'a> {
    /// The title, shown above the chart.
    pub title: &'a str,
    /// The label of the horizontal axis.
    pub x: &'a str,
    /// The label of the vertical axis.
    pub y: &'a str,
    /// The curves.
    pub curves: &'a [Curve],
    /// A value marked by a horizontal line, and its name.
    pub line: Option<(f64, &'a str)>,
    /// The part of the vertical axis that is shown. Without it, that is all from 0 up to the largest
    /// value.
    pub part: Option<(f64, f64)>,
    /// Places that are marked.
    pub marks: &'a [Mark<'a>],
    /// Steps of the horizontal axis that are shaded, from and to, and what is said of them.
    pub band: Option<(f64, f64, &'a str)>,
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
        let last = self.last();
        let x_step = tick_step(last as f64, 10.0).max(1.0);
        let x_max = (last as f64).max(1.0);
        let (y_min, y_max, y_step) = self.vertical();
        let x = |step: f64| LEFT + (right - LEFT) * step / x_max;
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value - y_min) / (y_max - y_min);
        let inside = |value: f64| value.clamp(y_min, y_max);

        let (title, description) = (escape(self.title), escape(&self.description()));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"20\">{title}</text>\n<text class=\"shown\" x=\"{LEFT}\" y=\"39\"></text>\n",
        );
        let mut add = |line: &str| {
            svg.push_str(line);
            svg.push('\n');
        };
        if let Some((from, to, text)) = self.band {
            let (from, to, text) = (x(from), x(to), escape(text));
            let (width, middle) = (to - from, (from + to) / 2.0);
            let height = BOTTOM - TOP;
            add(&format!(
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"/>\
                 <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                TOP + 16.0
            ));
        }
        let decimals = (-y_step.log10().floor()).max(0.0) as usize;
        for i in 0..=((y_max - y_min) / y_step).round() as usize {
            let value = y_min + i as f64 * y_step;
            let at = y(value);
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
            let (at, name) = (x(i as f64), escape(&name));
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
        if let Some((value, name)) = self.line {
            let (at, above) = (y(inside(value)), value > y_max);
            // A line above the part that is shown is said to be there.
            let name = if above { format!("↑ {}", escape(name)) } else { escape(name) };
            if !above {
                add(&format!("<path class=\"mark\" d=\"M{LEFT} {at:.1}H{right:.1}\"/>"));
            }
            let (at, end) = (if above { at + 14.0 } else { at - 5.0 }, right - 4.0);
            add(&format!(
                "<text class=\"mark\" x=\"{end:.1}\" y=\"{at:.1}\" text-anchor=\"end\">{name}</text>"
            ));
        }
        let ends: Vec<f64> =
            self.curves.iter().map(|c| c.values.last().map_or(BOTTOM, |v| y(inside(*v)))).collect();
        for (curve, at) in self.curves.iter().zip(kept_apart(&ends)) {
            let path = path(&curve.values, (y_min, y_max), x, y);
            let (model, name) = (curve.model % COLOURS, escape(&curve.name));
            let dashed = if curve.training { " dashed" } else { "" };
            // One value is no line.
            if let [value] = curve.values[..] {
                let at = y(inside(value));
                add(&format!("<circle class=\"m{model}\" cx=\"{LEFT}\" cy=\"{at:.1}\" r=\"4\"/>"));
            } else if !path.is_empty() {
                add(&format!("<path class=\"curve m{model}{dashed}\" d=\"{path}\"/>"));
            }
            let (at_x, at_y) = (right + 8.0, at + 4.0);
            add(&format!("<text class=\"m{model}\" x=\"{at_x:.1}\" y=\"{at_y:.1}\">{name}</text>"));
        }
        for &Mark { model, step, value, text } in self.marks {
            let (at_x, at_y, text) = (x(step as f64), y(inside(value)), escape(text));
            // Where the text has room: below the place, or above it at the bottom.
            let text_y = if at_y + 22.0 > BOTTOM { at_y - 10.0 } else { at_y + 18.0 };
            let anchor = match at_x {
                near if near < LEFT + 90.0 => "start",
                near if near > right - 90.0 => "end",
                _ => "middle",
            };
            add(&format!(
                "<circle class=\"m{}\" cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"5\"/>\
                 <text x=\"{at_x:.1}\" y=\"{text_y:.1}\" text-anchor=\"{anchor}\">{text}</text>",
                model % COLOURS
            ));
        }
        self.add_hits(&mut add, right);
        svg.push_str("</svg>\n");
        svg
    }

    /// Columns of the chart that say the values at their step, when they are pointed at.
    fn add_hits(&self, add: &mut impl FnMut(&str), right: f64) {
        let last = self.last();
        let every = (last + 1).div_ceil(HITS);
        let width = (right - LEFT) / (last as f64).max(1.0) * every as f64;
        for step in (0..=last).step_by(every) {
            let values = self.curves.iter().filter_map(|curve| {
                let value = curve.values.get(step).filter(|v| v.is_finite())?;
                Some(format!("{} {value:.4}", curve.name))
            });
            let values = values.collect::<Vec<_>>().join(", ");
            if values.is_empty() {
                continue;
            }
            let tick = self.ticks.iter().find(|(at, _)| *at == step).map(|(_, name)| name.clone());
            let name = if self.ticks.is_empty() { Some(step.to_string()) } else { tick };
            let name = name.map_or("step ".to_owned() + &step.to_string(), |name| {
                format!("{} {name}", self.x)
            });
            let middle = LEFT + width * (step as f64 / every as f64);
            let [left, end] =
                [middle - width / 2.0, middle + width / 2.0].map(|at| at.clamp(LEFT, right));
            let width = end - left;
            let text = escape(&format!("{name}: {values}"));
            add(&format!(
                "<rect class=\"hit\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{text}</title></rect>",
                BOTTOM - TOP
            ));
        }
    }

    /// The last step.
    fn last(&self) -> usize {
        self.curves.iter().map(|c| c.values.len().saturating_sub(1)).max().unwrap_or(0)
    }

    /// The ends of the vertical axis, and the distance of its lines.
    fn vertical(&self) -> (f64, f64, f64) {
        let values = self.curves.iter().flat_map(|c| &c.values).copied().filter(|v| v.is_finite());
        let highest = values.chain(self.line.map(|line| line.0)).fold(0.0, f64::max);
        let (low, high) = self.part.unwrap_or((0.0, highest));
        let high = if high > low { high } else { low + 1.0 };
        let step = tick_step(high - low, 6.0);
        let low = (low / step + 1e-9).floor() * step;
        let lines = ((high - low) / step - 1e-9).ceil().max(1.0);
        (low, low + lines * step, step)
    }

    /// The chart in characters, for a terminal: `width` columns and `height` rows of points, with
    /// an axis beside and one below them.
    ///
    /// ```
    /// use longhand_report::{Chart, Curve};
    /// let train = Curve::new("train", vec![4.0, 2.0, 1.0, 1.0]);
    /// let curves = &[train, Curve::new("valid", vec![4.0, 3.0, 2.0, 2.0])];
    /// let chart = Chart { x: "epoch", y: "loss", curves, ..Chart::default() };
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
        let last = self.last();
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

/// Mean cross-entropies by epoch as an SVG picture: the part of the axis that matters, with the epoch of the
/// lowest validation loss. The loss of guessing among `classes` is marked.
pub fn loss_svg(title: &str, curves: &[Curve], classes: usize) -> String {
    let chance = (classes as f64).ln();
    let name = format!("ln {classes} = {chance:.3}: guessing");
    let (x, y, line) = ("epoch", "mean cross-entropy", Some((chance, &*name)));
    loss_chart(&Chart { title, x, y, curves, line, ..Chart::default() })
}

/// Mean squared errors of a standardised number by epoch, in the same way. The loss of the mean for all is marked.
pub fn squared_loss_svg(title: &str, curves: &[Curve]) -> String {
    let (x, y, line) = ("epoch", "loss", Some((1.0, "the mean for all")));
    loss_chart(&Chart { title, x, y, curves, line, ..Chart::default() })
}

/// A chart of losses, with the part of the axis that matters and the lowest validation loss.
pub(crate) fn loss_chart(chart: &Chart<'_>) -> String {
    let after = after_start(chart.curves);
    let (first, later) =
        (extreme(chart.curves, 0, f64::max), extreme(chart.curves, after, f64::max));
    // What comes before the first epochs would leave no room for what comes after.
    let part = match (first, later) {
        (first, later) if later > 0.0 && first > 1.6 * later => Some((0.0, later)),
        // Nor would a loss that has grown beyond use.
        (first, later) if first > 0.0 && later > 5.0 * first => Some((0.0, 5.0 * first)),
        _ => None,
    };
    let lowest = lowest(chart.curves);
    let text = |&(_, epoch, value): &(usize, usize, f64)| match lowest.len() {
        1 => format!("lowest valid: {value:.4}, epoch {epoch}"),
        2 => format!("{value:.4}, epoch {epoch}"),
        _ => String::new(), // there is no room for more
    };
    let texts: Vec<String> = lowest.iter().map(text).collect();
    let mark = |(&(model, step, value), text)| Mark { model, step, value, text };
    let marks: Vec<Mark<'_>> =
        lowest.iter().zip(texts.iter().map(String::as_str)).map(mark).collect();
    Chart { part, marks: &marks, ..chart.clone() }.svg()
}

/// A chart of accuracies, with the part of the axis that matters.
pub(crate) fn accuracy_chart(chart: &Chart<'_>) -> String {
    let least = extreme(chart.curves, after_start(chart.curves), f64::min);
    let part = (least > 0.5).then_some((least.min(0.99), 1.0));
    Chart { part, ..chart.clone() }.svg()
}

/// The first epoch that is not of the steep beginning: after a fifteenth of them.
fn after_start(curves: &[Curve]) -> usize {
    let last = curves.iter().map(|c| c.values.len().saturating_sub(1)).max().unwrap_or(0);
    last.div_ceil(15).min(last)
}

fn extreme(curves: &[Curve], from: usize, of: fn(f64, f64) -> f64) -> f64 {
    let values = curves.iter().flat_map(|c| c.values.iter().skip(from));
    values.copied().filter(|v| v.is_finite()).reduce(of).unwrap_or(0.0)
}

/// Where the validation loss of each model is lowest, if there are more than two epochs: model, epoch, loss.
fn lowest(curves: &[Curve]) -> Vec<(usize, usize, f64)> {
    let valid = curves.iter().filter(|c| !c.training && c.values.len() > 2);
    let of_curve = |curve: &Curve| {
        let values = curve.values.iter().copied().enumerate().filter(|(_, v)| v.is_finite());
        let (epoch, loss) = values.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((curve.model, epoch, loss))
    };
    valid.filter_map(of_curve).collect()
}

/// A curve as a path that is cut off where it leaves the part that is shown.
fn path(
    values: &[f64],
    (low, high): (f64, f64),
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
) -> String {
    let (mut path, mut before, mut drawn) = (String::new(), None::<(f64, f64)>, false);
    let shown = |value: f64| (low..=high).contains(&value);
    // Where the line between two points crosses an end of the axis.
    let crossing = |(s0, v0): (f64, f64), (s1, v1): (f64, f64)| {
        let end = if v0.max(v1) > high { high } else { low };
        (s0 + (s1 - s0) * (end - v0) / (v1 - v0), end)
    };
    let mut add = |to: char, (step, value): (f64, f64)| {
        let _ = write!(path, "{to}{:.1} {:.1}", x(step), y(value));
    };
    for (step, &value) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        let point = (step as f64, value);
        match (before.filter(|b| shown(b.1) != shown(value)), shown(value)) {
            (Some(outside), true) => {
                add('M', crossing(outside, point));
                add('L', point);
            }
            (Some(inside), false) => add('L', crossing(inside, point)),
            (None, true) => add(if drawn { 'L' } else { 'M' }, point),
            (None, false) => {}
        }
        drawn = shown(value);
        before = Some(point);
    }
    path
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
