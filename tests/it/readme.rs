//! What the README shows is what is there.

use std::fs;

use crate::run::{ROOT, run, success};

fn readme() -> String {
    fs::read_to_string(format!("{ROOT}/README.md")).unwrap()
}

/// The README's blocks of code that begin with the line "```" and this word.
fn blocks(language: &str) -> Vec<String> {
    let (readme, fence) = (readme(), format!("```{language}\n"));
    let parts = readme.split(&fence).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_program_is_the_example_quickstart_and_prints_what_it_says() {
    let source = include_str!("../../examples/quickstart.rs");
    let program = source.split_once("\n\n").unwrap().1; // behind the doc comment
    assert_eq!(blocks("rust")[0], program);
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("quickstart", "", folder.path()));
    assert_eq!(blocks("text")[0], printed);
}

#[test]
fn every_crate_is_in_the_table() {
    let crates = fs::read_dir(format!("{ROOT}/crates")).unwrap();
    let names = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names {
        assert!(readme().contains(&format!("| [`{name}`](crates/{name}) |")), "{name} is missing");
    }
}

/// The output of `cargo run --example mlp` that the README shows, times aside.
#[test]
fn the_run_of_the_mlp_is_the_one_shown() {
    let folder = tempfile::tempdir().unwrap();
    let printed = success(&run("mlp", "", folder.path()));
    let shown = &blocks("text")[1];
    let (head, tail) = shown.split_once("  ...\n").expect("the middle is left out");
    let words = |line: &str| line.split_whitespace().take(4).map(String::from).collect::<Vec<_>>();
    // On a terminal, the last line is broken into its parts.
    let (rows, last) = tail.trim_end().split_once("\nvalidation").expect("the last line");
    for line in head.lines().chain(rows.lines()) {
        assert!(printed.lines().any(|p| words(p) == words(line)), "`{line}` is not in\n{printed}");
    }
    assert_eq!(format!("validation{}", last.replace('\n', " ")), printed.lines().last().unwrap());
}

/// Every other command of the README, one after the other.
#[test]
fn the_commands_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("docs")).unwrap();
    for file in ["docs/four.png", "docs/iris.csv"] {
        fs::copy(format!("{ROOT}/{file}"), folder.path().join(file)).unwrap();
    }
    success(&run("mlp", "--quiet", folder.path()));
    let blocks = blocks("sh");
    let commands = blocks.iter().flat_map(|block| block.lines());
    let mut printed = vec![];
    for command in commands.filter_map(|line| line.strip_prefix("cargo run --example ")) {
        let (example, flags) = command.split_once(" -- ").unwrap_or((command, ""));
        printed.push(success(&run(example, flags, folder.path())));
        if !flags.contains("predict") && example == "mlp" {
            // What the next command names is the first run's.
            let path = folder.path().join("runs/mlp-seed42.1");
            assert!(path.is_dir());
            fs::remove_dir_all(folder.path().join("runs/mlp-seed42")).unwrap();
            fs::rename(path, folder.path().join("runs/mlp-seed42")).unwrap();
        }
    }
    assert!(printed.len() >= 5 && printed.iter().any(|text| text.starts_with("docs/four.png: 4 ")));
    assert!(printed.iter().any(|text| text.contains("validation accuracy 0.9667")), "Iris");
}
