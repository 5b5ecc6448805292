use std::fmt::Write;

use longhand_train::Epoch;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 560.0; // behind it stand the names of the curves
const TOP: f64 = 48.0;
const BOTTOM: f64 = 344.0;

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #222 }
  .title { font-weight: 600; font-size: 15px }
  .grid { stroke: #ddd } .axis { stroke: #222 }
  .curve { fill: none; stroke-width: 2 }
  .train { stroke: #0b62a4 } .valid { stroke: #c2410c; stroke-dasharray: 6 3 }
  text.train { stroke: none; fill: #0b62a4 } text.valid { stroke: none; fill: #c2410c }
  .paper { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .paper { fill: #181818 } .grid { stroke: #3a3a3a } .axis { stroke: #ddd }
    .train { stroke: #6cb6ff } .valid { stroke: #ffa366 }
    text.train { fill: #6cb6ff } text.valid { fill: #ffa366 }
  }
";

/// Training and validation loss over the epochs, as a picture that needs nothing else.
pub fn svg(history: &[Epoch], title: &str) -> String {
    let last = history.last().map_or(0, |e| e.epoch);
    let highest = history.iter().map(|e| e.train.loss.max(e.valid.loss)).fold(0.0, f64::max);
    let (x_step, y_step) = (tick_step(last as f64, 10.0).max(1.0), tick_step(highest, 6.0));
    let x_max = (last as f64).max(1.0);
    let y_max = (highest / y_step).ceil().max(1.0) * y_step;
    let x = |epoch: f64| LEFT + (RIGHT - LEFT) * epoch / x_max;
    let y = |loss: f64| BOTTOM - (BOTTOM - TOP) * loss / y_max;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"title desc\">\n<title id=\"title\">{title}</title>\n<desc id=\"desc\">{}</desc>\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"28\">{title}</text>\n",
        description(history)
    );
    let mut add = |line: &str| {
        svg.push_str(line);
        svg.push('\n');
    };
    let decimals = (-y_step.log10().floor()).max(0.0) as usize;
    for i in 0..=(y_max / y_step).round() as usize {
        let (loss, at) = (i as f64 * y_step, y(i as f64 * y_step));
        add(&format!("<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>"));
        let label = format!("{loss:.decimals$}");
        add(&format!("<text x=\"56\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", at + 4.0));
    }
    for epoch in (0..=last).step_by(x_step as usize) {
        let at = x(epoch as f64);
        add(&format!("<path class=\"axis\" d=\"M{at:.1} {BOTTOM}v5\"/>"));
        add(&format!("<text x=\"{at:.1}\" y=\"364\" text-anchor=\"middle\">{epoch}</text>"));
    }
    add(&format!("<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>"));
    add("<text x=\"312\" y=\"388\" text-anchor=\"middle\">epoch</text>");
    add(
        "<text transform=\"translate(16 196) rotate(-90)\" text-anchor=\"middle\">loss (mean cross-entropy)</text>",
    );

    let curves =
        [("train", curve(history, |e| e.train.loss)), ("valid", curve(history, |e| e.valid.loss))];
    // The names stand at the ends of their curves, kept apart where these meet.
    let ends = curves.each_ref().map(|(_, points)| points.last().map_or(BOTTOM, |p| y(p.1)));
    let (middle, apart) = ((ends[0] + ends[1]) / 2.0, ((ends[0] - ends[1]).abs() / 2.0).max(8.0));
    for (i, (name, points)) in curves.iter().enumerate() {
        let path: Vec<_> =
            points.iter().map(|(e, loss)| format!("{:.1} {:.1}", x(*e), y(*loss))).collect();
        add(&format!("<path class=\"curve {name}\" d=\"M{}\"/>", path.join("L")));
        let below =
            if ends[i] > ends[1 - i] || (ends[0] == ends[1] && i == 1) { apart } else { -apart };
        let (at_x, at_y) = (RIGHT + 8.0, middle + below + 4.0);
        add(&format!("<text class=\"{name}\" x=\"{at_x}\" y=\"{at_y:.1}\">{name}</text>"));
    }
    svg.push_str("</svg>\n");
    svg
}

fn curve(history: &[Epoch], loss: impl Fn(&Epoch) -> f64) -> Vec<(f64, f64)> {
    history.iter().map(|e| (e.epoch as f64, loss(e))).collect()
}

fn description(history: &[Epoch]) -> String {
    let mut text = String::new();
    if let (Some(first), Some(last)) = (history.first(), history.last()) {
        let _ = write!(
            text,
            "Training loss from {:.4} to {:.4}, validation loss from {:.4} to {:.4}, over {} epochs.",
            first.train.loss, last.train.loss, first.valid.loss, last.valid.loss, last.epoch
        );
    }
    text
}

/// A step of 1, 2 or 5 times a power of ten that divides `range` into at most `most` parts.
fn tick_step(range: f64, most: f64) -> f64 {
    let rough = (range / most).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|s| s * power >= rough);
    step.unwrap_or(10.0) * power
}
