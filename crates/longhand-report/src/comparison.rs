use std::fmt::Write;

use ndarray::ArrayView3;

use crate::chart::{Curve, escape, loss_svg};
use crate::page::{IN_ROW, foot, head, place, strip_style, values_table};
use crate::picture::gray;

/// Images shown of those that only one model classifies correctly.
const SHOWN: usize = 48;

/// Two models compared on the same images, as one HTML page that needs no other file.
///
/// ```
/// use longhand_report::{Comparison, Curve};
/// use ndarray::Array3;
///
/// let images = Array3::from_elem((3, 2, 2), 255);
/// let page = Comparison {
///     title: "One layer and two",
///     verdict: "Two layers are better.",
///     heads: &["model", "accuracy"],
///     rows: &[vec!["one layer".to_owned(), "0.33".to_owned()], vec!["two layers".to_owned(), "1.0".to_owned()]],
///     text: "Over one seed.",
///     names: ["one layer", "two layers"],
///     losses: &[Curve::new("one", vec![2.3, 0.5]), Curve::new("two", vec![2.3, 0.3]).of_model(1)],
///     classes: &["round".to_owned(), "square".to_owned()],
///     images: images.view(),
///     labels: &[0, 1, 1],
///     answers: [&[0, 0, 0], &[0, 1, 1]],
/// }
/// .html();
/// assert!(page.contains("Only two layers was right: 2 images"));
/// ```
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The heading.
    pub title: &'a str,
    /// The result, as a sentence.
    pub verdict: &'a str,
    /// What the columns of the table of results are.
    pub heads: &'a [&'a str],
    /// A row of the table for each model, as many texts as there are columns.
    pub rows: &'a [Vec<String>],
    /// All figures of the comparison, as lines of text.
    pub text: &'a str,
    /// Names of the models.
    pub names: [&'a str; 2],
    /// The losses of both.
    pub losses: &'a [Curve],
    /// Names of the classes.
    pub classes: &'a [String],
    /// The images that both are evaluated on, `[n, rows, columns]`, 255 for ink.
    pub images: ArrayView3<'a, u8>,
    /// Their labels, each below the number of classes.
    pub labels: &'a [usize],
    /// The classes that each model predicts.
    pub answers: [&'a [usize]; 2],
}

impl Comparison<'_> {
    /// The page.
    ///
    /// # Panics
    /// A row is empty, there are not as many labels or predictions as images, or one is not below the number of
    /// classes.
    #[track_caller]
    pub fn html(&self) -> String {
        let n = self.images.dim().0;
        let right = self.labels.len() == n && self.answers.iter().all(|a| a.len() == n);
        assert!(right, "Comparison: expected {n} labels and {n} predictions of each model");
        let title = escape(self.title);
        let heads: String = self
            .heads
            .iter()
            .map(|head| format!("<th scope=\"col\">{}</th>", escape(head)))
            .collect();
        let row = |(model, row): (usize, &Vec<String>)| {
            let (name, values) = row.split_first().expect("a name");
            let values: String =
                values.iter().map(|value| format!("<td>{}</td>", escape(value))).collect();
            format!(
                "<tr><th scope=\"row\"><i class=\"line m{model}\"></i> {}</th>{values}</tr>",
                escape(name)
            )
        };
        let rows: String = self.rows.iter().enumerate().map(row).collect();
        format!(
            "{}\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n<div class=\"scroll\"><table class=\"start\"><tr>{heads}</tr>{rows}</table></div>\n\
             <div class=\"pair\">{}<div>{}<details><summary>All figures</summary><pre class=\"scroll\">{}</pre></details></div></div>\n{}{}{}",
            head(self.title),
            escape(self.verdict),
            self.loss_svg(),
            values_table(self.losses, &[], ["loss", ""]),
            escape(self.text),
            self.only(0),
            self.only(1),
            foot(&[])
        )
    }

    /// The losses of both as a separate picture.
    pub fn loss_svg(&self) -> String {
        loss_svg(self.title, self.losses, self.classes.len())
    }

    /// The images that only this model classifies correctly.
    fn only(&self, model: usize) -> String {
        let (these, others) = (self.answers[model], self.answers[1 - model]);
        let correct = |i: &usize| these[*i] == self.labels[*i] && others[*i] != self.labels[*i];
        let all: Vec<usize> = (0..self.labels.len()).filter(correct).collect();
        // Evenly spread over all of them: they may be sorted by class.
        let count = all.len().min(SHOWN);
        let shown: Vec<usize> = (0..count).map(|i| all[i * all.len() / count]).collect();
        let class = format!("o{model}");
        let strip = strip_style(
            &class,
            &gray(self.images, &shown, IN_ROW),
            self.images.dim(),
            count.min(IN_ROW),
        );
        let (name, other) = (escape(self.names[model]), escape(self.names[1 - model]));
        let mut html = format!(
            "<section><h2>Only {name} was right: {} images</h2><p>{count} of them, each with its label and the prediction of {other}.</p><div class=\"gallery\">\
             {strip}",
            all.len()
        );
        for (at, &image) in shown.iter().enumerate() {
            let [label, predicted] =
                [self.labels[image], others[image]].map(|c| escape(&self.classes[c]));
            let _ = write!(
                html,
                "<figure><i role=\"img\" aria-label=\"image {image}, label {label}\" class=\"{class}\" style=\"{}\"></i>\
                 <figcaption><span>{label},</span><span>not {predicted}</span></figcaption></figure>",
                place(at)
            );
        }
        html.push_str("</div></section>\n");
        html
    }
}
