//! Models and runs that are kept: loaded again, taken up again, shown pictures, and trained on data of
//! one's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use longhand_mnist::Dataset;
use longhand_save::{Checkpoint, Input, Model, Output};
use ndarray::{Array1, Array2, Array3, ArrayView2};
use serde_json::Value;

use crate::run::{program, run, stderr, stdout, success};

const KEPT: [&str; 2] = ["model.safetensors", "report.html"];

/// The rows of a run's metrics, times aside.
fn metrics(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("metrics.csv")).unwrap();
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
}

/// A file of a run, without what a page says of how and when it was made.
fn kept(folder: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(folder.join(name)).unwrap();
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.filter(|line| !line.starts_with(b"<tr class=\"made\">")).collect::<Vec<_>>().concat()
}

#[track_caller]
fn expect_same(one: &Path, other: &Path, what: &str) {
    for name in KEPT {
        assert!(kept(one, name) == kept(other, name), "{what}: {name} differs");
    }
    assert_eq!(metrics(one), metrics(other), "{what}");
}

#[test]
fn a_run_leaves_its_model_which_can_be_loaded_and_evaluated() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    for (example, flags) in
        [("logistic", ""), ("mlp", "--hidden 20,10 --activation gelu --dropout 0.2")]
    {
        let printed = success(&run(
            example,
            &format!(
                "{flags} --epochs 3 --per-class 50 --out {example} --save {example}.safetensors"
            ),
            folder,
        ));
        let last = printed.lines().last().unwrap();
        let file = format!("{example}/model.safetensors");
        assert!(
            last.contains(&format!("cargo run --example predict -- --model {file} 4.png;")),
            "{last}"
        );
        let report = fs::read_to_string(folder.join(example).join("report.html")).unwrap();
        assert!(
            report
                .contains("cargo run --example predict -- --model FOLDER/model.safetensors 4.png")
        );
        let saved = fs::read(folder.join(format!("{example}.safetensors"))).unwrap();
        assert_eq!(saved, fs::read(folder.join(&file)).unwrap());
        let model = Model::<f32>::load(folder.join(&file)).unwrap();
        assert_eq!(model.input, Input::Picture { rows: 28, columns: 28, centred: true });
        assert_eq!(model.output, Output::classes((0..10).map(|digit| digit.to_string())));

        // Evaluated again: the accuracy of the run, without a step.
        let accuracy = |line: &str| line.split_whitespace().nth(2).unwrap().to_owned();
        let again = success(&run(
            example,
            &format!("--load {file} --epochs 0 --per-class 50 --quiet --out again"),
            folder,
        ));
        assert_eq!(accuracy(again.trim()), accuracy(last));
    }
    for (flags, expected) in [
        (
            "--load logistic.safetensors",
            "expected linear layers with one activation between them, found Linear(784 -> 10)",
        ),
        (
            "--load mlp.safetensors --hidden 30",
            "tensor 0.weight: expected F32 [30, 784], found F32 [20, 784]",
        ),
        ("--load metrics.csv", "metrics.csv: expected a file, found none"),
        ("--load mlp/metrics.csv", "mlp/metrics.csv: expected a safetensors file, found"),
        (
            "--save mlp/metrics.csv",
            "mlp/metrics.csv: expected a model to overwrite, or nothing, found something else",
        ),
        ("--save no/such.safetensors", "expected a folder to put it in, found none"),
        (
            "--resume again",
            "again: expected the folder of a run with checkpoint.safetensors, found none",
        ),
    ] {
        let refused = run("mlp", &format!("--per-class 50 {flags} --out refused"), folder);
        assert_eq!(
            refused.status.code(),
            Some(if flags.starts_with("--resume") { 2 } else { 1 }),
            "{flags}: {}",
            stderr(&refused)
        );
        if !flags.starts_with("--resume") {
            assert!(stderr(&refused).contains(expected), "{flags}: {}", stderr(&refused));
        }
    }
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("refused")), "{names:?}");
}

/// Starts the mlp in a folder, and waits until there is a file.
fn started(folder: &Path, flags: &str, awaited: &str) -> (Child, PathBuf) {
    let mut child = Command::new(program("mlp"))
        .args(flags.split_whitespace())
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    loop {
        let unfinished =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
                path.to_string_lossy().contains(".unfinished-") && path.join(awaited).is_file()
            });
        if let Some(path) = unfinished {
            return (child, path);
        }
        assert!(start.elapsed() < Duration::from_secs(300), "no {awaited} after five minutes");
        assert!(child.try_wait().unwrap().is_none(), "the run has ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The epochs that a checkpoint has.
fn epochs(folder: &Path) -> usize {
    Checkpoint::open(folder.join("checkpoint.safetensors")).unwrap().record.seconds.len() - 1
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_step_and_the_run_goes_on_as_if_nothing_had_been() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let options = "--per-class 50 --hidden 20 --optimizer adam --dropout 0.3 --quiet";
    let (child, unfinished) =
        started(folder, &format!("{options} --epochs 1000000 --out a"), "metrics.csv");
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let name = unfinished.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        stderr(&output),
        format!("interrupted; to go on: cargo run --example mlp -- --resume {name}\n")
    );

    let epochs = epochs(&unfinished) + 3;
    let refused = run("mlp", &format!("--resume {name} --lr 0.1"), folder);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--lr: a resumed run keeps the options it began with"));
    let other = run("logistic", &format!("--resume {name}"), folder);
    assert!(
        stderr(&other).contains("expected a run of logistic, found one of mlp"),
        "{}",
        stderr(&other)
    );

    success(&run("mlp", &format!("--resume {name} --epochs {epochs}"), folder));
    success(&run("mlp", &format!("{options} --epochs {epochs} --out b"), folder));
    expect_same(&folder.join("a"), &folder.join("b"), "Ctrl-C");
    assert!(!unfinished.exists() && !folder.join("a/checkpoint.safetensors").exists());
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_from_its_checkpoint_and_a_full_disk_leaves_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let options = "--per-class 50 --optimizer adam --checkpoint-every 1 --quiet --patience 1000000";
    let (mut child, unfinished) =
        started(folder, &format!("{options} --epochs 1000000 --out a"), "checkpoint.safetensors");
    // One writer at a time.
    let busy = run("mlp", "--resume a", folder);
    assert_eq!(busy.status.code(), Some(1));
    assert!(
        stderr(&busy).contains("expected a run that has been interrupted, found one that goes on"),
        "{}",
        stderr(&busy)
    );
    for _ in 0..5 {
        signal(&child, "-KILL");
        child.wait().unwrap();
        let before = epochs(&unfinished);
        child = started(folder, "--resume a", "checkpoint.safetensors").0;
        let start = Instant::now();
        while epochs(&unfinished) == before {
            assert!(start.elapsed() < Duration::from_secs(300), "it does not go on");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    signal(&child, "-KILL");
    child.wait().unwrap();

    // A file of more than 200 blocks cannot be written: neither can the checkpoint.
    let checkpoint = unfinished.join("checkpoint.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    let command =
        format!("trap '' XFSZ; ulimit -f 200; exec {} --resume a", program("mlp").display());
    let full = Command::new("sh").args(["-c", &command]).current_dir(folder).output().unwrap();
    assert_eq!(full.status.code(), Some(1), "{}", stderr(&full));
    assert!(stderr(&full).contains("checkpoint.safetensors: "), "{}", stderr(&full));
    assert!(fs::read(&checkpoint).unwrap() == before);

    let epochs = epochs(&unfinished) + 2;
    success(&run("mlp", &format!("--resume a --epochs {epochs}"), folder));
    success(&run("mlp", &format!("{options} --epochs {epochs} --out b"), folder));
    expect_same(&folder.join("a"), &folder.join("b"), "killed");
    // A complete run can be made longer: a new one takes its place.
    success(&run("mlp", &format!("--resume a --epochs {}", epochs + 1), folder));
    assert!(folder.join("a.1/model.safetensors").is_file());
    assert_eq!(metrics(&folder.join("a")).len(), metrics(&folder.join("a.1")).len() + 1);
}

#[test]
fn schedules_and_early_stops_go_on_too_and_other_data_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    for (number, options) in [
        "--schedule cosine --momentum 0.9 --nesterov --weight-decay 0.001",
        "--schedule one-cycle --optimizer adamw --clip-norm 0.5 --dropout 0.4",
        "--schedule step --optimizer rmsprop --momentum 0.5",
        "--schedule exponential --label-smoothing 0.1",
        "--schedule warm-up --patience 2 --lr 0.5",
    ]
    .into_iter()
    .enumerate()
    {
        let options = format!("{options} --epochs 7 --per-class 30 --quiet");
        let (whole, parts) = (format!("whole{number}"), format!("parts{number}"));
        success(&run("mlp", &format!("{options} --out {whole}"), folder));
        // The checkpoint after the fourth epoch, as if the run had ended there.
        success(&run("mlp", &format!("{options} --out {parts} --checkpoint-every 4"), folder));
        let kept = folder.join(&parts).join("checkpoint.safetensors");
        assert!(kept.is_file());
        success(&run("mlp", &format!("--resume {parts}"), folder));
        expect_same(&folder.join(&whole), &folder.join(&parts), &options);
    }
    let refused = run("mlp", "--resume parts0 --epochs 9", folder);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("expected the checkpoint of Sgd"), "{}", stderr(&refused));
    let digits = Dataset::embedded().draw_per_class(40, 9).unwrap();
    let other = folder.join("other");
    fs::create_dir(&other).unwrap();
    write_idx(&digits, &other);
    let refused = run("mlp", "--resume parts0 --data other", folder);
    assert!(
        stderr(&refused).contains("expected the data that the run was begun with"),
        "{}",
        stderr(&refused)
    );
}

/// Writes a data set as the four IDX files.
fn write_idx(digits: &Dataset, folder: &Path) {
    for (name, split) in [("train", &digits.train), ("t10k", &digits.test)] {
        let labels = Array1::from(split.labels().to_vec());
        longhand_idx::write(folder.join(format!("{name}-images-idx3-ubyte")), split.images())
            .unwrap();
        longhand_idx::write(folder.join(format!("{name}-labels-idx1-ubyte")), &labels).unwrap();
    }
}

/// Writes a grey picture.
fn write_png(path: &Path, image: ArrayView2<'_, u8>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (rows, columns) = image.dim();
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), columns as u32, rows as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = image.iter().copied().collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

/// An image at 64 × 64, by straight lines between its pixels, `(down, right)` of where it was.
fn enlarged(image: ArrayView2<'_, u8>, (down, right): (isize, isize)) -> Array2<u8> {
    let at = |r: isize, c: isize| {
        f64::from(*image.get([r.clamp(0, 27) as usize, c.clamp(0, 27) as usize]).unwrap())
    };
    Array2::from_shape_fn((64, 64), |(r, c)| {
        let place =
            |at: usize, shift: isize| ((at as isize - shift) as f64 + 0.5) * 28.0 / 64.0 - 0.5;
        let (r, c) = (place(r, down), place(c, right));
        if !(-0.5..27.5).contains(&r) || !(-0.5..27.5).contains(&c) {
            return 0;
        }
        let (r0, c0) = (r.floor() as isize, c.floor() as isize);
        let (dr, dc) = (r - r.floor(), c - c.floor());
        let above = at(r0, c0) * (1.0 - dc) + at(r0, c0 + 1) * dc;
        let below = at(r0 + 1, c0) * (1.0 - dc) + at(r0 + 1, c0 + 1) * dc;
        (above * (1.0 - dr) + below * dr).round() as u8
    })
}

/// The accuracy that `predict` gives for a folder with a folder for each class.
fn read_by_predict(folder: &Path, pictures: &str) -> f64 {
    let printed =
        success(&run("predict", &format!("--model m/model.safetensors {pictures}"), folder));
    printed.trim().rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn predict_reads_pictures_as_well_as_the_run_reads_digits() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let accuracy = success(&run("mlp", "--out m --quiet", folder));
    let accuracy: f64 = accuracy.split_whitespace().nth(2).unwrap().parse().unwrap();
    let digits = Dataset::embedded();
    for (i, (image, label)) in
        digits.test.images().outer_iter().zip(digits.test.labels()).enumerate()
    {
        write_png(&folder.join(format!("plain/{label}/{i:04}.png")), image);
        let shift = ((i * 7 % 17) as isize - 8, (i * 5 % 17) as isize - 8);
        let paper = enlarged(image, shift).mapv(|ink| 255 - ink);
        write_png(&folder.join(format!("paper/{label}/{i:04}.png")), paper.view());
    }
    assert_eq!(read_by_predict(folder, "plain"), accuracy);
    let on_paper = read_by_predict(folder, "paper");
    assert!(on_paper >= accuracy - 0.01, "{on_paper}, of {accuracy}");

    // For programs: an object for each picture.
    let printed = success(&run(
        "predict",
        "--model m/model.safetensors --json plain/7/0000.png paper/7/0000.png",
        folder,
    ));
    let objects: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&objects[0]["inverted"], &objects[1]["inverted"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    for object in objects {
        assert_eq!(object["class"], "7");
        let p = object["probabilities"].as_object().unwrap();
        let sum: f64 = p.values().map(|p| p.as_f64().unwrap()).sum();
        assert!(p.len() == 10 && (sum - 1.0).abs() < 1e-5);
        assert_eq!(object["likeliest"][0]["probability"], p["7"]);
        assert_eq!(object["likeliest"].as_array().unwrap().len(), 3);
    }
    // For people: the three likeliest, and the digit as the net sees it.
    let printed = success(&run("predict", "--model m/model.safetensors paper/7/0000.png", folder));
    assert!(
        printed.starts_with("paper/7/0000.png: 7 ")
            && printed.contains("(dark on bright, inverted)"),
        "{printed}"
    );
    assert!(
        printed.lines().filter(|line| line.contains('%') || line.contains('@')).count() > 4,
        "{printed}"
    );

    write_png(&folder.join("empty.png"), Array2::from_elem((30, 40), 250).view());
    let printed = success(&run("predict", "--model m/model.safetensors empty.png", folder));
    assert!(printed.starts_with("empty.png: empty"), "{printed}");
    write_png(
        &folder.join("bar.png"),
        Array2::from_shape_fn((40, 40), |(r, _)| if (18..22).contains(&r) { 0 } else { 255 })
            .view(),
    );
    fs::write(folder.join("broken.png"), b"nothing").unwrap();
    let refused = run("predict", "--model m/model.safetensors broken.png bar.png", folder);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stdout(&refused).starts_with("bar.png: "), "{}", stdout(&refused));
    assert!(
        stderr(&refused).contains("broken.png: expected a PNG picture")
            && stderr(&refused).contains("1 of 2 pictures"),
        "{}",
        stderr(&refused)
    );
    for (flags, expected) in [
        ("--model none four.png", "none: expected a file, found none"),
        ("--model m/model.safetensors none.png", "none.png: "),
        ("--model m/model.safetensors m.1", "m.1: "),
        ("--model m/metrics.csv four.png", "expected a safetensors file"),
    ] {
        let refused = run("predict", flags, folder);
        assert_eq!(refused.status.code(), Some(1), "{flags}");
        assert!(stderr(&refused).contains(expected), "{flags}: {}", stderr(&refused));
    }
    assert_eq!(run("predict", "", folder).status.code(), Some(2));

    // Elsewhere.
    success(&run("export", "--model m/model.safetensors --probabilities m.onnx", folder));
    success(&run("export", "--model m/model.safetensors m.rs", folder));
    assert!(
        fs::read_to_string(folder.join("m.rs"))
            .unwrap()
            .contains("pub fn infer(x: &[f32; 784]) -> [f32; 10]")
    );
    assert_eq!(run("export", "--model m/model.safetensors m.txt", folder).status.code(), Some(2));
}

/// Points around three corners, of a class each; and what is to be predicted of them as a number.
fn flowers() -> Vec<([f64; 3], &'static str, f64)> {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    let flower = |i: usize| {
        let (corner, name) =
            [([0.0, 0.0], "rose"), ([10.0, 0.0], "tulip"), ([0.0, 300.0], "aster")][i % 3];
        let x = [corner[0] + 4.0 * noise(), corner[1] + 100.0 * noise(), 7.0];
        (x, name, 1000.0 + 20.0 * x[0] - x[1])
    };
    (0..150).map(flower).collect()
}

#[test]
fn a_table_of_ones_own_takes_one_command() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let row = |(x, name, _): &([f64; 3], &str, f64)| format!("{},{},{},{name}\n", x[0], x[1], x[2]);
    let rows: String = flowers().iter().map(row).collect();
    write("flowers.csv", format!("length,width,constant,species\n{rows}"));
    write("bare.csv", rows.clone());
    let mut seen = vec![];
    for name in ["flowers.csv", "bare.csv"] {
        let printed = success(&run("mlp", &format!("--data {name} --out o"), folder));
        assert!(
            printed.contains("120 training and 30 validation samples")
                && printed.contains("(ln 3 = 1.0986)"),
            "{printed}"
        );
        assert!(
            printed.contains("validation accuracy 1.0000")
                && printed.contains(&format!(
                    "--example mlp -- --load o/model.safetensors --data {name} --epochs 0;"
                )),
            "{printed}"
        );
        seen.push(
            fs::read(folder.join("o/metrics.csv")).map(|_| metrics(&folder.join("o"))).unwrap(),
        );
        let report = fs::read_to_string(folder.join("o/report.html")).unwrap();
        assert!(report.contains("Accuracy 100.0 % on 30 samples") && report.contains(">tulip<"));
        assert!(
            !report.contains("images") && !report.contains("<i "),
            "no pictures, and no word of them"
        );
        for absent in ["weights.png", "mistakes.png"] {
            assert!(!folder.join("o").join(absent).exists());
        }
    }
    assert_eq!(seen[0], seen[1]);
    // How features were standardised stands in the file, and is used again.
    let model = Model::<f32>::load(folder.join("o/model.safetensors")).unwrap();
    let Input::Features(features) = &model.input else { panic!("{:?}", model.input) };
    assert!(
        features.len() == 3
            && features[2].deviation == 1.0
            && (features[2].mean - 7.0).abs() < 1e-12
    );
    let half: String = flowers().iter().take(60).map(row).collect();
    write("half.csv", half);
    let again = success(&run(
        "mlp",
        "--load o/model.safetensors --data half.csv --epochs 0 --out h --quiet",
        folder,
    ));
    assert!(again.starts_with("validation accuracy 1.0000"), "{again}");
    assert_eq!(Model::<f32>::load(folder.join("h/model.safetensors")).unwrap().input, model.input);

    // A number: its error is in its own unit, and the report has no classes.
    let priced: String =
        flowers().iter().map(|(x, _, price)| format!("{};{};{price}\n", x[0], x[1])).collect();
    write("prices.csv", format!("length;width;price\n{priced}"));
    let printed = success(&run("mlp", "--data prices.csv --epochs 100 --out p", folder));
    let last = printed.lines().last().unwrap();
    let error: f64 = last.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(last.starts_with("validation rmse ") && error < 20.0, "{last}");
    let header = fs::read_to_string(folder.join("p/metrics.csv")).unwrap();
    assert!(header.starts_with("epoch,train_loss,train_rmse,valid_loss,valid_rmse,seconds\n"));
    let report = fs::read_to_string(folder.join("p/report.html")).unwrap();
    assert!(report.contains("of the variance") && !report.contains("Confusion"));
    let model = Model::<f32>::load(folder.join("p/model.safetensors")).unwrap();
    assert!(
        matches!(model.output, Output::Number(number) if number.name == "price" && number.mean > 800.0)
    );
    let by_name = success(&run(
        "mlp",
        "--data prices.csv --target length --epochs 5 --out t --quiet",
        folder,
    ));
    assert!(by_name.starts_with("validation rmse"), "{by_name}");
}

#[test]
fn what_is_wrong_with_a_table_is_said_by_line_and_column() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let good = "a,b,class\n1,2,x\n3,4,y\n1,1,x\n2,2,y\n";
    for (table, flags, expected) in [
        (
            good.replace("3,4,y", "3,,y"),
            "",
            "t.csv: line 3, column 2 (b): expected a value, found nothing",
        ),
        (good.replace("3,4,y", "3,NA,y"), "", "line 3, column 2 (b): expected a value, found `NA`"),
        (
            good.replace("3,4,y", "3,4,?"),
            "",
            "line 3, column 3 (class): expected a value, found `?`",
        ),
        (
            good.replace("3,4,y", "3,inf,y"),
            "",
            "line 3, column 2 (b): expected a finite number, found `inf`",
        ),
        (
            good.replace("3,4,y", "3,blue,y"),
            "",
            "line 3, column 2 (b): expected a finite number, found `blue`",
        ),
        (
            good.replace("3,4,y", "3,4"),
            "",
            "line 3: expected 3 fields as in the first line, found 2",
        ),
        (
            good.replace("3,4,y", "3,4,y,5"),
            "",
            "line 3: expected 3 fields as in the first line, found 4",
        ),
        (good.replace('y', "x"), "", "expected two or more classes in column 3, found `x`"),
        (
            good.to_owned(),
            "--predict number",
            "line 2, column 3 (class): expected a finite number to predict, found `x`",
        ),
        (
            good.to_owned(),
            "--target d",
            "expected a column called or numbered `d`, found a, b, class",
        ),
        ("a,class\n".to_owned(), "", "expected two or more samples, found 0"),
        (String::new(), "", "expected lines of numbers, found an empty file"),
        ("1\n2\n".to_owned(), "", "expected two or more columns"),
        ("\u{1b}[31m,b,class\n1,,x\n".to_owned(), "", "line 2, column 2 (b)"),
    ] {
        fs::write(folder.join("t.csv"), &table).unwrap();
        let refused = run("mlp", &format!("--data t.csv --out o {flags}"), folder);
        assert_eq!(refused.status.code(), Some(1), "{table}: {}", stdout(&refused));
        assert!(stderr(&refused).contains(expected), "{table}{}", stderr(&refused));
        assert!(!stderr(&refused).contains('\u{1b}') && !folder.join("o").exists());
    }
    fs::write(folder.join("t.csv"), "1.5,2,9.25\n1,2,8\n3,4,7\n1,2,6.5\n").unwrap();
    let one = run("mlp", "--data t.csv --out o --quiet --epochs 1", folder);
    assert_eq!(one.status.code(), Some(0), "{}", stderr(&one));
    for (flags, expected) in [
        ("--target 2", "--target and --predict: expected a table as --data, found pictures"),
        ("--data t.csv --check", "expected pictures, found a table"),
        ("--data t.csv --predict maybe", "--predict: expected one of class, number, found `maybe`"),
    ] {
        let refused = run("mlp", flags, folder);
        assert!(
            refused.status.code() != Some(0) && stderr(&refused).contains(expected),
            "{flags}: {}",
            stderr(&refused)
        );
    }
    let refused = run("logistic", "--data t.csv", folder);
    assert!(stderr(&refused).contains("tables are for the example mlp"), "{}", stderr(&refused));
}

#[test]
fn features_are_told_by_name_and_a_table_beside_pictures_is_not_taken() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let table = |order: [usize; 2], from: usize| {
        let rows = flowers().into_iter().skip(from).take(75);
        let row = |(x, name, _): ([f64; 3], &str, f64)| {
            format!("{},{},{name}\n", x[order[0]], x[order[1]])
        };
        let names = ["length", "width"];
        format!(
            "{},{},species\n{}",
            names[order[0]],
            names[order[1]],
            rows.map(row).collect::<String>()
        )
    };
    fs::create_dir(folder.join("d")).unwrap();
    fs::write(folder.join("d/train.csv"), table([0, 1], 0)).unwrap();
    fs::write(folder.join("d/test.csv"), table([1, 0], 75)).unwrap();
    for data in ["d", "d/train.csv"] {
        let printed = success(&run("mlp", &format!("--data {data} --epochs 60 --out o"), folder));
        assert!(
            printed.contains("d/train.csv and d/test.csv: 75 training and 75 validation samples"),
            "{printed}"
        );
        assert!(printed.contains("validation accuracy 1.0000"), "{printed}");
    }
    fs::write(folder.join("turned.csv"), table([1, 0], 20)).unwrap();
    let printed = success(&run(
        "mlp",
        "--load o/model.safetensors --data turned.csv --epochs 0 --out t --quiet",
        folder,
    ));
    assert!(printed.starts_with("validation accuracy 1.0000"), "{printed}");
    // Without labels, as competitions give it, it is not to validate with.
    let bare: String = table([0, 1], 75)
        .lines()
        .map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0))
        .collect();
    fs::write(folder.join("d/test.csv"), bare).unwrap();
    let printed = success(&run("mlp", "--data d/train.csv --epochs 1 --out o", folder));
    assert!(printed.contains("d/train.csv: 60 training and 15 validation samples"), "{printed}");
    fs::write(folder.join("other.csv"), "a,b,species\n1,2,rose\n3,4,aster\n1,1,rose\n2,2,aster\n")
        .unwrap();
    let refused =
        run("mlp", "--load o/model.safetensors --data other.csv --epochs 0 --out t", folder);
    assert!(
        stderr(&refused).contains("expected the features length, width, found a, b"),
        "{}",
        stderr(&refused)
    );
    fs::write(folder.join("single.csv"), "a,b,name\n1,2,ann\n3,4,bob\n").unwrap();
    let refused = run("mlp", "--data single.csv --out t", folder);
    assert!(
        stderr(&refused).contains("expected two or more samples of some class, found one of each"),
        "{}",
        stderr(&refused)
    );

    let digits = Dataset::embedded().draw_per_class(2, 9).unwrap();
    write_idx(&digits, folder);
    fs::remove_file(folder.join("other.csv")).unwrap();
    fs::remove_file(folder.join("turned.csv")).unwrap();
    let printed = success(&run("mlp", "--data . --per-class all --epochs 1 --out p", folder));
    assert!(printed.contains("20 training and 20 validation images"), "{printed}");
}

#[test]
fn a_run_that_has_stopped_early_stays_so_and_the_latest_of_a_name_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let options = "--per-class 30 --lr 0.5 --patience 2 --epochs 60 --quiet";
    success(&run("mlp", &format!("{options} --out whole"), folder));
    success(&run("mlp", &format!("{options} --out a --checkpoint-every 1"), folder));
    assert!(metrics(&folder.join("a")).len() < 60, "it has stopped early");
    success(&run("mlp", "--resume a", folder));
    expect_same(&folder.join("whole"), &folder.join("a"), "stopped early");

    // A newer run of the same name, which was interrupted.
    let newer = folder.join("a.unfinished-1");
    success(&run("mlp", "--per-class 30 --epochs 4 --checkpoint-every 2 --out b --quiet", folder));
    fs::rename(folder.join("b"), &newer).unwrap();
    success(&run("mlp", "--resume a --epochs 5", folder));
    assert_eq!(metrics(&folder.join("a")).len(), 7);
    assert!(!newer.exists());
    let fewer = run("mlp", "--resume a --epochs 3", folder);
    assert_eq!(fewer.status.code(), Some(2), "{}", stderr(&fewer));
}

#[test]
fn arrays_of_numpy_are_read() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let (x, labels): (Vec<[f64; 3]>, Vec<&str>) =
        flowers().into_iter().map(|(x, name, _)| (x, name)).unzip();
    let x = Array2::from_shape_fn((150, 3), |(r, c)| x[r][c] as f32);
    let y = Array1::from_iter(labels.iter().map(|name| name.len() as i64)); // 4 and 5: a rose, or another
    ndarray_npy::write_npy(folder.join("x.npy"), &x).unwrap();
    ndarray_npy::write_npy(folder.join("y.npy"), &y).unwrap();
    let printed = success(&run("mlp", "--data . --out o", folder));
    assert!(
        printed.contains("(ln 2 = 0.6931)") && printed.contains("validation accuracy 1.0000"),
        "{printed}"
    );

    // Pictures in an archive, as Keras has them, packed or not.
    let digits = Dataset::embedded().draw_per_class(20, 1).unwrap();
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let mut archive = zip::ZipWriter::new(File::create(folder.join("digits.npz")).unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for (name, split) in [("train", &digits.train), ("test", &digits.test)] {
            let images: &Array3<u8> = split.images();
            archive.start_file(format!("x_{name}.npy"), options).unwrap();
            ndarray_npy::WriteNpyExt::write_npy(images, &mut archive).unwrap();
            archive.start_file(format!("y_{name}.npy"), options).unwrap();
            let labels = Array1::from(split.labels().to_vec());
            ndarray_npy::WriteNpyExt::write_npy(&labels, &mut archive).unwrap();
        }
        archive.finish().unwrap();
        let printed =
            success(&run("mlp", "--data digits.npz --per-class all --epochs 2 --out d", folder));
        assert!(
            printed.contains("200 training and 200 validation images")
                && printed.contains("predict -- --model"),
            "{printed}"
        );
    }
    let model = Model::<f32>::load(folder.join("d/model.safetensors")).unwrap();
    assert_eq!(model.input, Input::Picture { rows: 28, columns: 28, centred: true });

    for (name, bytes, expected) in [
        ("n.npz", &b"nothing"[..], "expected an NPZ file, found"),
        ("x.npy", b"nothing", "expected an NPY array, found another file"),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        let refused = run("mlp", &format!("--data {name}"), folder);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
    let mut archive = zip::ZipWriter::new(File::create(folder.join("other.npz")).unwrap());
    archive.start_file("data.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.finish().unwrap();
    let refused = run("mlp", "--data other.npz", folder);
    assert!(
        stderr(&refused).contains(
            "expected the arrays x and y, or x_train, y_train, x_test and y_test, found data"
        ),
        "{}",
        stderr(&refused)
    );
}
