use crate::chart::escape;

const CELL: (f64, f64) = (84.0, 40.0);
const LEFT: f64 = 110.0;
const TOP: f64 = 96.0;

const STYLE: &str = "
  .heat text { font: 13px system-ui, sans-serif; fill: #222; text-anchor: middle }
  .heat .title { font-weight: 600; font-size: 15px; text-anchor: start } .heat .side { text-anchor: end }
  .heat .paper { fill: #fff } .heat .cell text { fill: #111 } .heat .cell.strong text { fill: #fff }
  .heat .none { fill: none; stroke: #999; stroke-dasharray: 3 3 } .heat .best { fill: none; stroke: #222; stroke-width: 3 }
  @media (prefers-color-scheme: dark) { .heat text { fill: #ddd } .heat .paper { fill: #181818 } .heat .best { stroke: #fff } }
";

/// A table of numbers as an SVG picture. The larger the number, the darker its cell; the number
/// itself stands in the cell.
///
/// ```
/// use longhand_report::HeatMap;
/// let svg = HeatMap {
///     title: "Accuracy",
///     x: "learning rate",
///     y: "hidden units",
///     columns: &["0.1".to_owned(), "0.2".to_owned()],
///     rows: &["30".to_owned()],
///     values: &[vec![Some(0.93), None]],
///     best: true,
/// }
/// .svg();
/// assert!(svg.contains(">93.00<") && svg.contains("hidden units 30, learning rate 0.2: none"));
/// ```
#[derive(Clone, Debug)]
pub struct HeatMap<'a> {
    /// The title, shown above the table.
    pub title: &'a str,
    /// The label of the columns.
    pub x: &'a str,
    /// The label of the rows.
    pub y: &'a str,
    /// Names of the columns.
    pub columns: &'a [String],
    /// Names of the rows.
    pub rows: &'a [String],
    /// Numbers from 0 to 1, shown as percentages: one `Vec` for each row. `None` leaves a cell
    /// empty.
    pub values: &'a [Vec<Option<f64>>],
    /// Whether the cell of the largest number has a frame.
    pub best: bool,
}

impl HeatMap<'_> {
    /// The picture.
    ///
    /// # Panics
    /// There are not as many values as rows and columns.
    #[track_caller]
    pub fn svg(&self) -> String {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        assert!(
            self.values.len() == rows && self.values.iter().all(|row| row.len() == columns),
            "HeatMap: expected {rows} × {columns} values"
        );
        let numbers = || self.values.iter().flatten().flatten().copied().filter(|v| v.is_finite());
        let (low, high) = numbers()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let decimals = if high - low > 0.5 { 1 } else { 2 };
        let title_width = 32.0 + 9.0 * (self.title.chars().count() + 4) as f64;
        let width = (LEFT + CELL.0 * columns as f64 + 16.0).max(title_width);
        let height = TOP + CELL.1 * rows as f64 + 16.0;
        let [title, x, y] = [self.title, self.x, self.y].map(escape);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"heat\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n\
             <text class=\"title\" x=\"16\" y=\"28\">{title} (%)</text>\n\
             <text x=\"{:.1}\" y=\"60\">{x}</text>\n<text class=\"side\" x=\"{:.1}\" y=\"84\">{y}</text>\n",
            LEFT + CELL.0 * columns as f64 / 2.0,
            LEFT - 8.0,
        );
        let mut add = |line: String| {
            svg.push_str(&line);
            svg.push('\n');
        };
        for (c, name) in self.columns.iter().enumerate() {
            let at = LEFT + CELL.0 * (c as f64 + 0.5);
            add(format!("<text x=\"{at:.1}\" y=\"84\">{}</text>", escape(name)));
        }
        for (r, (name, values)) in self.rows.iter().zip(self.values).enumerate() {
            let top = TOP + CELL.1 * r as f64;
            let (side, middle) = (LEFT - 8.0, top + CELL.1 / 2.0 + 5.0);
            let name = escape(name);
            add(format!("<text class=\"side\" x=\"{side:.1}\" y=\"{middle:.1}\">{name}</text>"));
            for (c, value) in values.iter().enumerate() {
                let left = LEFT + CELL.0 * c as f64;
                let place = format!(
                    "x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
                    left + 1.0,
                    top + 1.0,
                    CELL.0 - 2.0,
                    CELL.1 - 2.0
                );
                let what = format!("{y} {name}, {x} {}", escape(&self.columns[c]));
                let Some(value) = value.filter(|v| v.is_finite()) else {
                    add(format!("<rect class=\"none\" {place}><title>{what}: none</title></rect>"));
                    continue;
                };
                let share = if high > low { (value - low) / (high - low) } else { 1.0 };
                // From a light to a dark blue, as far apart in lightness as in colour.
                let mix = |from: f64, to: f64| (from + (to - from) * share).round();
                let color = [mix(222.0, 8.0), mix(235.0, 64.0), mix(247.0, 129.0)];
                let (strong, center) =
                    (if share > 0.65 { " strong" } else { "" }, left + CELL.0 / 2.0);
                add(format!(
                    "<g class=\"cell{strong}\"><title>{what}: {:.decimals$} %</title><rect {place} fill=\"rgb({},{},{})\"/>\
                     <text x=\"{center:.1}\" y=\"{middle:.1}\">{:.decimals$}</text></g>",
                    100.0 * value,
                    color[0],
                    color[1],
                    color[2],
                    100.0 * value
                ));
                if self.best && value == high {
                    add(format!("<rect class=\"best\" {place}/>"));
                }
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}
