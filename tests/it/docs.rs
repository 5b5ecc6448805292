//! What the documents quote is what is there.

use std::fs;
use std::path::Path;

use crate::run::{ROOT, run, success};

/// Code blocks of a document that begin with "```rust".
fn quotes(document: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join(document)).unwrap();
    let blocks = text.split("```rust\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_code_in_backprop_is_that_of_the_layers() {
    let folder = Path::new(ROOT).join("crates/longhand-layers/src");
    let sources: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let quotes = quotes("docs/backprop.md");
    assert_eq!(quotes.len(), 7);
    for quote in quotes {
        assert!(
            sources.iter().any(|source| source.contains(&quote)),
            "not in the sources:\n{quote}"
        );
    }
}

#[test]
fn the_own_layer_is_short_and_learns() {
    let source = include_str!("../../examples/own_layer.rs");
    assert!(source.lines().count() < 80, "{}", source.lines().count());
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("own_layer", "", folder.path()));
    let accuracy: f64 = printed.trim().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(printed.starts_with("gradients right;") && accuracy > 0.9, "{printed}");
}

/// Every command of the walk through the homework is run, and what it prints begins each line that
/// is shown with what is shown.
#[test]
fn the_walk_through_the_homework_prints_what_it_shows() {
    let path = Path::new(ROOT).join("docs/homework.md");
    let text = fs::read_to_string(path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let steps: Vec<&str> = text.split("```sh\ncargo run --example ").skip(1).collect();
    assert_eq!(steps.len(), 9);
    for step in steps {
        let (command, rest) = step.split_once("\n```").unwrap();
        let (example, flags) = command.split_once(" -- ").unwrap_or((command, ""));
        let printed = success(&run(example, flags, folder.path()));
        let shown = rest.split_once("```text\n").unwrap().1.split("```").next().unwrap();
        assert!(shown.lines().count() > 0);
        for line in shown.lines().filter(|l| *l != "  ...") {
            assert!(printed.lines().any(|p| p.starts_with(line)), "{command}: {line}\n{printed}");
        }
    }
}
