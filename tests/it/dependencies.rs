//! The libraries' dependency trees stay small.

use std::collections::BTreeSet;
use std::process::Command;

use crate::run::ROOT;

/// All crates that building these libraries compiles, themselves included.
fn tree(crates: &[&str], features: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--offline",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    cargo.args(features);
    for name in crates {
        cargo.args(["--package", name]);
    }
    let output = cargo.current_dir(ROOT).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|l| l.split_whitespace().next()).map(String::from).collect()
}

#[test]
fn the_layers_need_at_most_12_crates() {
    let tree = tree(&["longhand-layers"], &[]);
    assert!((2..=12).contains(&tree.len()), "{tree:?}");
}

#[test]
fn everything_below_the_loop_needs_at_most_24_crates() {
    let all =
        ["longhand-idx", "longhand-tensor", "longhand-layers", "longhand-optim", "longhand-mnist"];
    let tree = tree(&all, &[]);
    assert!((5..=24).contains(&tree.len()), "{tree:?}");
}

#[test]
fn idx_without_features_needs_ndarray_and_byteorder_only() {
    let mut expected = tree(&["ndarray"], &[]);
    expected.extend(["byteorder", "longhand-idx"].map(String::from));
    assert_eq!(tree(&["longhand-idx"], &["--no-default-features"]), expected);
}

#[test]
fn the_training_loop_needs_at_most_16_crates_and_no_files() {
    let tree = tree(&["longhand-train"], &[]);
    assert!((4..=16).contains(&tree.len()), "{tree:?}");
    assert!(
        !tree.iter().any(|name| ["flate2", "longhand-mnist", "longhand-idx"].contains(&&**name))
    );
}

/// What `cargo run --example mlp` compiles, the example's own package aside. A quarter of it is for
/// NumPy's files, whose headers are Python's literals.
#[test]
fn the_first_example_needs_at_most_80_packages() {
    let tree = tree(&["longhand-run"], &[]);
    assert!((20..=79).contains(&tree.len()), "{} {tree:?}", tree.len());
}
