//! The pages in a real browser: drawn on, pressed, trained in, looked at. Where Chromium and Node are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use longhand_layers::{Layer, softmax};
use longhand_mnist::{Dataset, Picture};
use longhand_save::{AnyLayer, Model};
use ndarray::{Array2, Array3};
use serde_json::Value;

use crate::elsewhere::{WASM, can_compile};
use crate::run::{ROOT, run, run_args, success};

/// Does a task with Chromium, as `tests/browser/pages.mjs` has them; nothing where there is no browser.
fn browse(task: &str, arguments: &[&str]) -> Option<Value> {
    let there = |program: &str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let chromium = std::env::var("LONGHAND_CHROMIUM").unwrap_or("chromium".to_owned());
    if !there("node") || !there(&chromium) {
        println!("not run: needs Node, and Chromium as `chromium` or named by LONGHAND_CHROMIUM");
        return None;
    }
    let mut node = Command::new("node");
    node.arg(format!("{ROOT}/tests/browser/pages.mjs")).args([&chromium, task]).args(arguments);
    let output = node.output().expect("node starts");
    assert!(output.status.success(), "{task}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn bytes(value: &Value) -> Vec<u8> {
    let all = value.as_array().expect("a list").iter();
    all.map(|byte| byte.as_u64().expect("a byte") as u8).collect()
}

/// The playground, made once; nothing where it cannot be compiled.
fn playground(folder: &Path) -> Option<PathBuf> {
    if !can_compile(WASM) {
        println!("not run: needs `rustup target add {WASM}`");
        return None;
    }
    let printed = success(&run("playground", "", folder));
    println!("{printed}");
    let page = folder.join("playground.html");
    let size = fs::metadata(&page).unwrap().len();
    let code: f64 =
        printed.split("MB, ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(size <= 3_000_000 && code <= 400.0, "{size} {printed}");
    Some(page)
}

/// What is drawn in a run's page is seen and read as by `Picture` and the model's file.
#[track_caller]
fn expect_read_alike(page: &Path, shape: (usize, usize), centred: bool, valid: &[Vec<u8>]) {
    let Some(found) = browse("pad", &[text(page)]) else { return };
    assert_eq!(found["faults"], serde_json::json!([]));
    let model = Model::<f32>::load(page.with_file_name("model.safetensors")).unwrap();
    let results = found["results"].as_array().unwrap();
    let kinds: Vec<&str> = results.iter().map(|r| r["kind"].as_str().unwrap()).collect();
    let expected = [&["drawing"; 10][..], &["empty", "undone", "keyboard", "example"]].concat();
    assert_eq!(kinds, expected);
    for (result, kind) in results.iter().zip(kinds) {
        let seen = bytes(&result["seen"]);
        if kind == "empty" {
            assert!(
                seen.iter().all(|&ink| ink == 0)
                    && result["text"].as_str().unwrap().starts_with("Draw here")
            );
            continue;
        }
        if kind == "example" {
            assert!(valid.contains(&seen), "an example is a validation image");
            assert!(
                result["text"].as_str().unwrap().contains("(it is labelled "),
                "{}",
                result["text"]
            );
        } else {
            let ink = Array2::from_shape_vec((280, 280), bytes(&result["ink"])).unwrap();
            let picture = Picture::of(&ink.mapv(|ink| 255 - ink));
            let expected =
                if centred { picture.centred() } else { picture.resized(shape.0, shape.1) };
            assert!(expected.iter().eq(&seen), "{kind}: the picture is another");
        }
        let x = seen.iter().map(|&ink| f32::from(ink) / 255.0).collect();
        let x = Array2::from_shape_vec((1, seen.len()), x).unwrap();
        let p = softmax(model.infer(&x));
        let shares = result["shares"].as_array().unwrap();
        assert_eq!(shares.len(), p.len());
        for (share, expected) in shares.iter().zip(&p) {
            let share = share[1].as_f64().unwrap();
            assert!(
                (share - f64::from(*expected)).abs() < 1e-5,
                "{kind}: {share}, expected {expected}"
            );
        }
        // What is written below each unit's weights is what the layers before the second linear one give.
        let second =
            model.layers.iter().skip(1).position(|layer| matches!(layer, AnyLayer::Linear(_)));
        let hidden = model.layers[..second.map_or(model.layers.len(), |at| at + 1)].to_vec();
        let expected = hidden.infer(&x);
        let units = result["units"].as_array().unwrap();
        assert_eq!(units.len(), expected.len());
        for (unit, expected) in units.iter().zip(&expected) {
            let unit: f32 = unit.as_str().unwrap().parse().unwrap();
            assert!((unit - expected).abs() < 0.051, "{kind}: {unit}, expected {expected}");
        }
        if kind != "drawing" {
            assert_eq!(result["said"], result["text"]);
        }
    }
    // One line is left of two after undo; one is drawn by keys.
    let ink = |at: usize| Array2::from_shape_vec((280, 280), bytes(&results[at]["ink"])).unwrap();
    let columns = |ink: Array2<u8>| -> Vec<usize> {
        (0..280).filter(|&column| ink.column(column).iter().any(|&ink| ink > 128)).collect()
    };
    let (undone, keyed) = (columns(ink(11)), columns(ink(12)));
    assert!(undone[0] > 80 && undone[undone.len() - 1] < 120, "{undone:?}");
    assert!(keyed[0] > 120 && keyed[keyed.len() - 1] < 160, "{keyed:?}");
}

#[test]
fn the_pad_reads_as_the_model_does() {
    let folder = tempfile::tempdir().unwrap();
    let valid: Vec<Vec<u8>> = Dataset::embedded()
        .test
        .images()
        .outer_iter()
        .map(|i| i.iter().copied().collect())
        .collect();
    for flags in [
        "",
        "--hidden 20,12 --activation gelu",
        "--activation gelu-tanh",
        "--activation sigmoid",
        "--activation tanh --dropout 0.2",
        "--activation leaky-relu",
    ] {
        success(&run("mlp", &format!("--epochs 2 --quiet --out o {flags}"), folder.path()));
        expect_read_alike(&folder.path().join("o/report.html"), (28, 28), true, &valid);
    }
    success(&run("logistic", "--epochs 2 --quiet --out o", folder.path()));
    expect_read_alike(&folder.path().join("o/report.html"), (28, 28), true, &valid);

    // Pictures of another size, which are not centred.
    let images = Array3::from_shape_fn((60, 9, 13), |(i, r, c)| ((i % 6) * 40 + r * c) as u8);
    let labels: Vec<u8> = (0..60).map(|i| i % 6).collect();
    let idx = folder.path().join("idx");
    fs::create_dir(&idx).unwrap();
    for set in ["train", "t10k"] {
        longhand_idx::write(idx.join(format!("{set}-images-idx3-ubyte")), &images).unwrap();
        let labels = ndarray::Array1::from_vec(labels.clone());
        longhand_idx::write(idx.join(format!("{set}-labels-idx1-ubyte")), &labels).unwrap();
    }
    success(&run("mlp", "--data idx --epochs 2 --quiet --out o", folder.path()));
    let valid: Vec<Vec<u8>> = images.outer_iter().map(|i| i.iter().copied().collect()).collect();
    expect_read_alike(&folder.path().join("o/report.html"), (9, 13), false, &valid);
}

#[test]
fn drawn_digits_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, least) in [("", 32), ("--augment 10 --lr 0.05", 36)] {
        success(&run("mlp", &format!("--quiet --out o {flags}"), folder.path()));
        let Some(found) = browse("forty", &[text(&folder.path().join("o/report.html"))]) else {
            return;
        };
        println!("mlp {flags}: {} of 40 drawings, {} of 400 others", found["of40"], found["of400"]);
        assert_eq!(found["faults"], serde_json::json!([]));
        assert!(
            found["of40"].as_u64().unwrap() >= least
                && found["of400"].as_u64().unwrap() >= 10 * least
        );
    }
}

#[test]
fn pages_are_readable_and_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    success(&run("mlp", "--quiet --out runs/mlp", path));
    success(&run("mlp", "--quiet --hidden 800 --epochs 1 --out runs/wide", path)); // too large for a pad
    success(&run("logistic", "--quiet --out runs/logistic", path));
    success(&run_args(
        "mlp",
        ["--quiet", "--out", "iris", "--data", &format!("{ROOT}/docs/iris.csv")],
        path,
    ));
    success(&run("compare", "--seeds 1 --epochs 5 --out compare", path));
    success(&run("look", "--runs runs", path));
    let mut pages: Vec<PathBuf> = [
        "runs/mlp/report.html",
        "runs/wide/report.html",
        "runs/logistic/report.html",
        "iris/report.html",
        "compare/compare.html",
        "runs/runs.html",
    ]
    .map(|page| path.join(page))
    .to_vec();
    assert!(
        fs::read_to_string(&pages[1])
            .unwrap()
            .contains("There is no pad on this page: the net takes 2.5 MB, too much for a page")
    );
    pages.extend(playground(path));
    let pages: Vec<&str> = pages.iter().map(|page| text(page)).collect();
    let Some(faults) = browse("look", &pages) else { return };
    assert_eq!(faults, serde_json::json!({}), "{faults:#}");

    let found = browse("matrix", &pages[..1]).unwrap();
    assert_eq!(found["faults"], serde_json::json!([]));
    let (said, label) = (found["said"].as_str().unwrap(), found["label"].as_str().unwrap());
    assert!(said.starts_with(label) && label.starts_with("2 predicted as 7: "), "{said}");
    assert_eq!(found["figures"].as_u64().unwrap(), found["count"].as_u64().unwrap().min(12));
    let sums: Vec<f64> =
        found["sums"].as_array().unwrap().iter().map(|sum| sum.as_f64().unwrap()).collect();
    assert!(sums.len() == 10 && sums.iter().all(|sum| (sum - 100.0).abs() < 0.6), "{sums:?}");
}

#[test]
fn the_playground_trains_as_the_terminal_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let Some(page) = playground(path) else { return };
    let cases = [
        (r#"{"epochs":3}"#, "", "--epochs 3"),
        (r#"{"epochs":3}"#, "#exact", "--epochs 3"),
        (
            r#"{"epochs":2,"hidden":"20, 12","activation":"gelu","optimizer":"adamw","learning_rate":0.002,"weight_decay":0.05,"batch_size":32,
                "dropout":0.25,"per_class":100,"augment":1,"seed":7}"#,
            "",
            "--epochs 2 --hidden 20,12 --activation gelu --optimizer adamw --lr 0.002 --weight-decay 0.05 --batch-size 32 --dropout 0.25 \
             --per-class 100 --augment 1 --seed 7",
        ),
    ];
    for (settings, plain, flags) in cases {
        let Some(found) = browse("playground", &[text(&page), settings, plain]) else { return };
        assert_eq!((&found["failure"], &found["faults"]), (&"".into(), &serde_json::json!([])));
        println!("{}", found["status"]);
        let kernels = found["kernels"].as_str().unwrap();
        assert_eq!(plain == "#exact" || !has_fma(), kernels.contains("without"), "{kernels}");
        let printed = success(&run("mlp", &format!("{flags} --out o"), path));
        let hash = printed.split("weights ").nth(1).unwrap().split(' ').next().unwrap();
        assert!(
            found["hash"].as_str().unwrap().starts_with(hash),
            "{settings}: {} is not {hash}",
            found["hash"]
        );
        assert!(found["status"].as_str().unwrap().contains(&format!("weights {hash}")));
        let saved = fs::read(path.join("o/model.safetensors")).unwrap();
        assert!(bytes(&found["model"]) == saved, "the model's file is another");
        // What it measured is what the run has written down.
        let metrics = fs::read_to_string(path.join("o/metrics.csv")).unwrap();
        for (line, row) in metrics.lines().skip(1).zip(found["history"].as_array().unwrap()) {
            let written: Vec<f64> =
                line.split(',').skip(1).take(4).map(|v| v.parse().unwrap()).collect();
            let row: Vec<f64> =
                row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            assert_eq!(row, written);
        }
        assert_eq!(found["changed"], true, "the weights' pictures");
        let predictions = bytes(&found["predictions"]);
        let right = predictions.chunks(3).filter(|p| p[0] == p[1]).count();
        let accuracy = right as f64 / (predictions.len() / 3) as f64;
        let last =
            metrics.lines().last().unwrap().split(',').nth(4).unwrap().parse::<f64>().unwrap();
        assert_eq!(accuracy, last);
        let said = format!("validation accuracy {:.1} %", 100.0 * accuracy);
        assert!(found["status"].as_str().unwrap().contains(&said), "{}", found["status"]);
        let ones = predictions.chunks(3).filter(|p| p[..2] == [1, 1]).count();
        assert_eq!(found["cell"], format!("1 predicted as 1: {ones} images"));
        if accuracy > 0.85 {
            let answers: Vec<&str> = found["answers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|answer| answer.as_str().unwrap())
                .collect();
            assert!(
                answers[0].contains("1, with") && answers[1].contains("7, with"),
                "{answers:?}"
            );
        }
    }

    let diverges = r#"{"epochs":3,"learning_rate":1e20,"per_class":50}"#;
    let Some(found) = browse("playground", &[text(&page), diverges, ""]) else { return };
    let failure = found["failure"].as_str().unwrap();
    assert!(
        failure.starts_with("training diverged: ")
            && failure.ends_with("try a smaller learning rate"),
        "{failure}"
    );
    let wrong = r#"{"epochs":1,"hidden":"30;20"}"#;
    let found = browse("playground", &[text(&page), wrong, ""]).unwrap();
    assert_eq!(
        found["failure"],
        "hidden widths: expected whole numbers, separated by commas, found 30;20"
    );

    // Nothing is overwritten that is no playground.
    fs::write(path.join("letter"), "mine").unwrap();
    let refused = run("playground", "--out letter", path);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        crate::run::stderr(&refused)
            .contains("expected a playground to overwrite, or nothing, found something else")
    );
    assert_eq!(fs::read_to_string(path.join("letter")).unwrap(), "mine");
}

fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    true
}
