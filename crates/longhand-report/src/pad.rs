use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::chart::escape;
use crate::page::Report;

/// Bytes of the largest model that stands in a page: in text 1.6 MB, so that a page has up to 2 MB.
const LARGEST: usize = 1_200_000;

/// Images of each class that the pad can show, and the most pixels of all of them.
const EXAMPLES: usize = 4;
const MOST_PIXELS: usize = 400_000;

/// What a page needs so that one can draw on it and see the drawing read.
#[derive(Clone, Copy, Debug)]
pub struct Pad<'a> {
    /// The model's file, as the crate `longhand-save` writes it.
    pub model: &'a [u8],
    /// Whether the model reads pictures that were centred as MNIST's are.
    pub centred: bool,
}

impl Report<'_> {
    /// The pad, or why there is none.
    pub(crate) fn pad_section(&self) -> String {
        let (Some(pad), Some(images)) = (self.pad, self.images) else { return String::new() };
        if pad.model.len() > LARGEST {
            return format!(
                "<section><h2>Draw one</h2><p>There is no pad on this page: the net takes {:.1} MB, too much for a page of at most 2 MB. \
                 The file model.safetensors has it.</p></section>",
                pad.model.len() as f64 / 1e6
            );
        }
        let (_, rows, columns) = images.dim();
        let examples = self.examples();
        let labels: Vec<&str> =
            examples.iter().map(|&i| self.classes[self.labels[i]].as_str()).collect();
        format!(
            "<section><h2>Draw one</h2>\n<div class=\"pad\" id=\"pad\" data-rows=\"{rows}\" data-columns=\"{columns}\" data-centred=\"{}\" data-classes=\"{}\" \
             data-examples=\"{}\"><noscript>Drawing needs scripts, which are in this page.</noscript></div>\n\
             <script type=\"text/plain\" id=\"model\">{}</script>{}\n</section>",
            pad.centred,
            escape(&json(&self.classes.iter().map(String::as_str).collect::<Vec<_>>())),
            escape(&json(&labels)),
            BASE64_STANDARD.encode(pad.model),
            self.strip("v", &examples)
        )
    }

    /// Some images of each class, in turns.
    fn examples(&self) -> Vec<usize> {
        let classes = self.classes.len();
        let of_class = |class: usize| -> Vec<usize> {
            let all: Vec<usize> =
                (0..self.labels.len()).filter(|&i| self.labels[i] == class).collect();
            (0..EXAMPLES.min(all.len()))
                .map(|i| all[i * all.len() / EXAMPLES.min(all.len())])
                .collect()
        };
        let classes: Vec<Vec<usize>> = (0..classes).map(of_class).collect();
        let most =
            self.images.map_or(0, |images| MOST_PIXELS / (images.dim().1 * images.dim().2).max(1));
        let all = (0..EXAMPLES).flat_map(|i| classes.iter().filter_map(move |c| c.get(i).copied()));
        all.take(most).collect()
    }
}

/// A list of texts as JSON.
fn json(texts: &[&str]) -> String {
    let quoted = |text: &&str| {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                c if c < ' ' => quoted += &format!("\\u{:04x}", u32::from(c)),
                c => quoted.push(c),
            }
        }
        quoted + "\""
    };
    format!("[{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_are_json() {
        assert_eq!(super::json(&["a\"b\\", "\n", "ü"]), "[\"a\\\"b\\\\\",\"\\u000a\",\"ü\"]");
    }
}
