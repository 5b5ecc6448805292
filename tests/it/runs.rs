//! A run never harms another, says what it cannot do, and warns where it was of no use.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use longhand_mnist::{Dataset, Split};

use crate::run::{program, run, run_args, stderr, stdout, success};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn rows(folder: &Path) -> usize {
    fs::read_to_string(folder.join("metrics.csv")).unwrap().lines().count()
}

#[test]
fn an_older_run_is_moved_aside() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    for epochs in [1, 2] {
        success(&run("mlp", &format!("--epochs {epochs} --per-class 50"), folder));
    }
    assert_eq!(names(&folder.join("runs")), ["mlp-seed42", "mlp-seed42.1"]);
    assert_eq!(rows(&folder.join("runs/mlp-seed42.1")), 3);
    assert_eq!(rows(&folder.join("runs/mlp-seed42")), 4);

    // One that diverges leaves what it measured, and the good one whole.
    let diverged = run("mlp", "--lr 1e30 --per-class 50", folder);
    assert_eq!(diverged.status.code(), Some(1), "{}", stderr(&diverged));
    assert_eq!(names(&folder.join("runs")), ["mlp-seed42", "mlp-seed42.1", "mlp-seed42.2"]);
    assert_eq!(names(&folder.join("runs/mlp-seed42")), ["config.json", "loss.svg", "metrics.csv"]);
    assert_eq!(
        (rows(&folder.join("runs/mlp-seed42")), rows(&folder.join("runs/mlp-seed42.2"))),
        (2, 4)
    );
    assert!(folder.join("runs/mlp-seed42.2/report.html").exists());

    for example in ["compare", "lr_find", "regression"] {
        for _ in 0..2 {
            let flags = if example == "compare" { "--seeds 1 --epochs 1" } else { "" };
            success(&run(example, &format!("{flags} --per-class 20"), folder));
        }
        assert!(folder.join(format!("runs/{example}.1/config.json")).exists(), "{example}");
    }
}

#[test]
fn runs_at_the_same_time_do_not_meet() {
    let root = tempfile::tempdir().unwrap();
    let start = |epochs: &str| {
        let mut command = Command::new(program("logistic"));
        command.args(["--out", "o", "--per-class", "100", "--epochs", epochs]);
        command.current_dir(root.path()).stdout(Stdio::null()).spawn().unwrap()
    };
    let children = [start("20"), start("30")];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(names(root.path()), ["o", "o.1"]);
    let mut found = ["o", "o.1"].map(|name| rows(&root.path().join(name)));
    found.sort_unstable();
    assert_eq!(found, [22, 32]);
}

#[test]
fn a_dry_run_trains_on_one_batch_and_writes_nothing() {
    let root = tempfile::tempdir().unwrap();
    for example in ["logistic", "mlp"] {
        let printed = success(&run(example, "--dry-run --epochs 9", root.path()));
        assert!(printed.contains(": 16 training and 5000 validation images"), "{printed}");
        assert!(printed.contains("after 1 epochs; a dry run, nothing written"), "{printed}");
    }
    assert_eq!(names(root.path()), [""; 0]);
}

#[test]
fn patience_keeps_the_weights_of_the_best_epoch() {
    let root = tempfile::tempdir().unwrap();
    for example in ["logistic", "mlp"] {
        let flags = "--per-class 100 --epochs 60 --lr 0.2 --patience 3 --out o";
        let printed = success(&run(example, flags, root.path()));
        let losses: Vec<f64> = fs::read_to_string(root.path().join("o/metrics.csv"))
            .unwrap()
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(3).unwrap().parse().unwrap())
            .collect();
        let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
        let last = losses.len() - 1;
        assert_eq!(last, best + 3, "{losses:?}");
        let expected = format!("with the weights of epoch {best}, the best of {last};");
        assert!(printed.contains(&expected), "{printed}");
        // The weights are those of a run that ends there.
        let hash = |printed: &str| printed.split("weights ").nth(1).unwrap()[..16].to_owned();
        let short =
            flags.replace("--epochs 60", &format!("--epochs {best}")).replace("--patience 3", "");
        assert_eq!(hash(&printed), hash(&success(&run(example, &short, root.path()))));
    }
}

#[test]
fn a_sweep_is_the_only_one_in_its_folder_and_erases_nothing() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("o");
    fs::create_dir(&out).unwrap();
    let log = out.join("runs.jsonl");
    let flags = "--hidden 0 --lr 0.1 --weight-decay 0 --seeds 1 --epochs 1 --per-class 20 --out o";

    let held = File::create(&log).unwrap();
    held.lock().unwrap();
    let refused = run("sweep", flags, root.path());
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("another sweep is writing it"), "{}", stderr(&refused));
    drop(held);

    for foreign in ["shopping list", "{\"a\": 1}", "a\nb"] {
        fs::write(&log, foreign).unwrap();
        let refused = run("sweep", flags, root.path());
        assert_eq!(refused.status.code(), Some(1), "{foreign}");
        assert!(stderr(&refused).contains("runs.jsonl, line 1: expected a finished run"));
        assert_eq!(fs::read_to_string(&log).unwrap(), foreign);
    }
    fs::remove_file(&log).unwrap();
    fs::create_dir(out.join("sweep.csv")).unwrap();
    let refused = run("sweep", flags, root.path());
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("sweep.csv: expected a file, found a folder"));
    assert_eq!(stdout(&refused), "", "before anything is trained");
}

#[test]
fn what_is_too_large_and_no_folder_is_refused_everywhere() {
    let root = tempfile::tempdir().unwrap();
    for (example, flags) in [
        ("mlp", "--hidden 100000000"),
        ("compare", "--hidden 100000000"),
        ("regression", "--hidden 100000000"),
        ("lr_find", "--hidden 100000000"),
        ("workloads", "--dims 784,100000000,10"),
        ("sweep", "--seeds 100000000"),
    ] {
        let output = run(example, flags, root.path());
        assert_eq!(output.status.code(), Some(2), "{example}: {}", stderr(&output));
        assert!(stderr(&output).contains("expected"), "{example}: {}", stderr(&output));
    }
    for example in ["logistic", "mlp", "compare", "sweep", "regression", "lr_find"] {
        let output = run_args(example, ["--out", ""], root.path());
        assert_eq!(output.status.code(), Some(2), "{example}: {}", stderr(&output));
        assert!(stderr(&output).contains("--out: expected a folder, found ``"), "{example}");
    }
    assert_eq!(names(root.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_closed_standard_output_is_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for example in ["quickstart", "own_layer", "look", "mlp"] {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(program(example));
        let command = command.stdout(writer.try_clone().unwrap()).current_dir(root.path());
        let output = command.output().unwrap();
        assert!(!stderr(&output).contains("panicked"), "{example}: {}", stderr(&output));
    }
}

#[test]
fn threads_that_make_no_sense_are_said_to_be_ignored() {
    let root = tempfile::tempdir().unwrap();
    for (value, warned) in [("abc", true), ("0", true), ("-1", true), ("99999", true), ("2", false)]
    {
        let mut command = Command::new(program("look"));
        let output =
            command.env("LONGHAND_THREADS", value).current_dir(root.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let message = stderr(&output);
        assert_eq!(
            message.contains("LONGHAND_THREADS: expected a whole number"),
            warned,
            "{value}: {message}"
        );
        assert_eq!(message.contains(&format!("found `{value}`")), warned, "{message}");
    }
}

#[test]
fn training_that_did_not_help_says_so() {
    let root = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        ("--lr 100 --epochs 2", "all hidden units are dead"),
        ("--lr 0 --epochs 2", "no better than guessing"),
    ] {
        let output = run("mlp", flags, root.path());
        assert_eq!(output.status.code(), Some(0));
        let message = stderr(&output);
        assert!(
            message.starts_with("warning: ") && message.contains(expected),
            "{flags}: {message}"
        );
    }
}

#[test]
fn a_curve_that_shows_no_learning_rate_gives_none() {
    let root = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        ("", "The loss is lowest at 0."),
        ("--per-class 10", "Steps: 7, too few to say which learning rate is good."),
        ("--to 0.01", "The loss does not grow up to 0.01: take a larger --to."),
        ("--from 5", "The loss only grows from 5.00 on: take a smaller --from."),
    ] {
        let printed = success(&run("lr_find", flags, root.path()));
        assert!(printed.contains(expected), "{flags}: {printed}");
        assert_eq!(printed.contains("is the usual choice"), flags.is_empty(), "{flags}: {printed}");
    }
}

#[test]
fn digits_that_a_set_lacks_have_no_numbers() {
    let root = tempfile::tempdir().unwrap();
    let digits = Dataset::embedded().draw_per_class(50, 1).unwrap();
    let lines = |split: &Split| -> String {
        let rows = split.images().outer_iter().zip(split.labels());
        let rows = rows.filter(|(_, label)| **label > 7).map(|(image, label)| {
            let pixels: String = image.iter().map(|pixel| format!(",{pixel}")).collect();
            format!("{label}{pixels}\n")
        });
        rows.collect()
    };
    fs::write(root.path().join("mnist_train.csv"), lines(&digits.train)).unwrap();
    fs::write(root.path().join("mnist_test.csv"), lines(&digits.test)).unwrap();
    let printed = success(&run("regression", "--data . --per-class all --epochs 2", root.path()));
    assert!(printed.contains("     7    -    -") && !printed.contains("NaN"), "{printed}");
}

#[test]
fn leaked_digits_fail_the_check() {
    let root = tempfile::tempdir().unwrap();
    let digits = Dataset::embedded().draw_per_class(50, 1).unwrap().train;
    let write = |name: &str, split: &Split| {
        let path = |what: &str| root.path().join(format!("{name}-{what}-ubyte"));
        longhand_idx::write(path("images-idx3"), split.images()).unwrap();
        let labels = ndarray::Array1::from(split.labels().to_vec());
        longhand_idx::write(path("labels-idx1"), &labels).unwrap();
    };
    write("train", &digits);
    write("t10k", &digits);
    let output = run("mlp", "--check --data . --per-class all", root.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("FAILED  no leak: 500 of 500"), "{}", stdout(&output));
}

/// The same net with the same seed has one accuracy, whichever example trains it.
#[test]
fn one_net_has_one_number() {
    let root = tempfile::tempdir().unwrap();
    let accuracy = |example: &str| {
        let printed = success(&run(example, "--epochs 3 --quiet", root.path()));
        printed.split("validation accuracy ").nth(1).unwrap()[..6].to_owned()
    };
    let (one, two) = (accuracy("logistic"), accuracy("mlp"));
    let compared = success(&run("compare", "--seeds 1 --epochs 3", root.path()));
    let row: Vec<&str> =
        compared.lines().find(|l| l.starts_with("  42")).unwrap().split_whitespace().collect();
    assert_eq!((row[1], row[2]), (&*one, &*two));
    let regression = success(&run("regression", "--epochs 3", root.path()));
    let classes = |net: &str| {
        let line = regression.lines().find(|l| l.starts_with(net)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!((classes("784-k"), classes("784-30-k")), (one, two));
}

#[test]
fn past_runs_are_on_one_page_the_best_first() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    for (out, flags) in [("few epochs", "--epochs 1"), ("a#b", "--epochs 8 --hidden 40")] {
        let flags = format!("--per-class 50 --quiet {flags}");
        let args = flags.split(' ').chain(["--out"]).map(str::to_owned);
        success(&run_args("mlp", args.chain([format!("runs/{out}")]), folder));
    }
    fs::create_dir(folder.join("runs/mlp.unfinished-7")).unwrap();
    let printed = success(&run("look", "--runs runs", folder));
    assert_eq!(printed, "2 runs by their validation accuracy: see runs/runs.html\n");
    let page = fs::read_to_string(folder.join("runs/runs.html")).unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("href=\"./a%23b/report.html\"") < at("href=\"./few%20epochs/report.html\""));
    assert!(page.contains("<th scope=\"col\">hidden</th>") && page.contains("seed 42"));
    let last = fs::read_to_string(folder.join("runs/a#b/metrics.csv")).unwrap();
    let accuracy: f64 = last.lines().last().unwrap().split(',').nth(4).unwrap().parse().unwrap();
    assert!(page.contains(&format!("<td>{accuracy:.4}</td>")));
    success(&run("look", "--runs runs", folder)); // its own page is written again

    let refused = |expected: &str| {
        let refused = run("look", "--runs runs", folder);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    };
    fs::write(folder.join("runs/runs.html"), "mine").unwrap();
    refused(
        "runs/runs.html: expected a page over runs to overwrite, or nothing, found something else",
    );
    assert_eq!(fs::read_to_string(folder.join("runs/runs.html")).unwrap(), "mine");
    fs::write(folder.join("runs/a#b/metrics.csv"), last.replace(",0.", ",x.")).unwrap();
    refused("metrics.csv: line 2: expected 6 numbers, found");
    let nothing = run("look", "--runs nothing", folder);
    assert!(
        stderr(&nothing).contains("nothing: expected a folder of runs"),
        "{}",
        stderr(&nothing)
    );
}

#[test]
fn copies_are_learned_beside_the_images() {
    let root = tempfile::tempdir().unwrap();
    let printed =
        success(&run("mlp", "--per-class 30 --augment 2 --epochs 1 --out o", root.path()));
    assert!(
        printed.contains("with 2 changed copies: 900 training and 300 validation images"),
        "{printed}"
    );
    let hash = |printed: &str| printed.split("weights ").nth(1).unwrap()[..16].to_owned();
    let again = success(&run("mlp", "--per-class 30 --augment 2 --epochs 1 --out p", root.path()));
    assert_eq!(hash(&printed), hash(&again));
    let refused = run_args(
        "mlp",
        ["--augment", "1", "--data", &format!("{}/docs/iris.csv", crate::run::ROOT)],
        root.path(),
    );
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("--augment: expected pictures as --data, found a table"),
        "{}",
        stderr(&refused)
    );
}
