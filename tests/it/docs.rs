//! What the documents quote is what is there.

use std::fs;
use std::path::Path;

use crate::run::{run, success};

/// Code blocks of a document that begin with "```rust".
fn quotes(document: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let blocks = text.split("```rust\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_code_in_backprop_is_that_of_the_layers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/longhand-layers/src");
    let sources: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let quotes = quotes("docs/backprop.md");
    assert_eq!(quotes.len(), 6);
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
