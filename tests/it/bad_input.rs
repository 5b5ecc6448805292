//! Bad input gets one message that names the flag or file, what was expected and what was found;
//! never a panic.

use std::fs;
use std::path::Path;

use longhand_idx::write;
use ndarray::{Array, Array1, Array3};

use crate::run::{run, run_args, stderr, stdout};

/// Runs `logistic`, or `mlp` where the flags need it, and checks exit code and message.
fn check(flags: &str, folder: &Path, code: i32, expected: &[&str]) {
    let example = if flags.contains("--hidden") { "mlp" } else { "logistic" };
    let output = run(example, flags, folder);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{flags}: {message}");
    assert!(message.starts_with("error: "), "{flags}: {message}");
    assert!(!message.contains("panicked"), "{flags}: {message}");
    for part in expected {
        assert!(message.contains(part), "{flags}: `{part}` is missing in: {message}");
    }
}

#[test]
fn wrong_flags_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let usage = |flags: &str, expected: &[&str]| check(flags, dir.path(), 2, expected);
    usage("--nonsense", &["'--nonsense'", "--help"]);
    usage("-x", &["'-x'"]);
    usage("stray", &["stray"]);
    usage("--epochs", &["--epochs"]);
    usage("--quiet=yes", &["--quiet"]);
    usage("--epochs many", &["--epochs: expected a whole number", "`many`"]);
    usage("--epochs -1", &["--epochs", "`-1`"]);
    usage("--batch-size 0", &["--batch-size: expected a whole number, 1 or more, found `0`"]);
    usage("--batch-size -3", &["`-3`"]);
    usage("--batch-size 1.5", &["`1.5`"]);
    usage("--batch-size 99999999999999999999", &["`99999999999999999999`"]);
    usage("--lr NaN", &["--lr: expected 0, or a finite number", "`NaN`"]);
    usage("--lr 1e-50", &["`1e-50`"]); // zero in f32
    usage("--out=", &["--out: expected a folder"]);
    usage("--data=", &["--data: expected a folder"]);
    usage(
        "--optimizer newton",
        &["--optimizer: expected one of sgd, adam, adamw, rmsprop", "`newton`"],
    );
    usage("--schedule soon", &["--schedule: expected one of constant, step", "`soon`"]);
    usage("--momentum 1", &["--momentum: expected a number from 0 to below 1", "`1`"]);
    usage("--momentum 0.9 --optimizer adam", &["--momentum", "keeps its own moments"]);
    usage("--weight-decay -1", &["--weight-decay", "`-1`"]);
    usage("--lr inf", &["`inf`"]);
    usage("--lr 1e39", &["`1e39`"]); // infinite in f32
    usage("--lr -0.1", &["`-0.1`"]);
    usage("--lr fast", &["`fast`"]);
    usage("--seed -1", &["--seed", "`-1`"]);
    usage("--hidden 0", &["--hidden: expected widths of 1 or more", "`0`"]);
    usage("--hidden 30,,10", &["`30,,10`"]);
    usage("--hidden 30,x", &["`30,x`"]);
    usage("--hidden 2000000", &["--hidden", "at most 4 GiB", "found one of 2"]);
    usage("--hidden 18446744073709551615,18446744073709551615", &["at most 4 GiB"]);
    usage("--per-class 0", &["--per-class", "`0`"]);
    usage("--per-class most", &["--per-class", "`all`", "`most`"]);
    usage("--per-class 501", &["--per-class", "501", "there are 500 of digit 0"]);
    let logistic = run_args("logistic", ["--hidden", "30"], dir.path());
    assert_eq!(logistic.status.code(), Some(2), "{}", stderr(&logistic));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "a usage error leaves no file");
}

#[cfg(unix)]
#[test]
fn a_flag_that_is_not_unicode_is_a_usage_error() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::ffi::OsStr::from_bytes(b"\xFF\xFE");
    let flag = |flag| run_args("logistic", [std::ffi::OsStr::new(flag), bytes], dir.path());
    for output in ["--epochs", "--per-class", "--optimizer"].map(flag) {
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    // A path need not be text.
    assert_eq!(flag("--data").status.code(), Some(1));
    assert_eq!(flag("--out").status.code(), Some(0));
    assert!(dir.path().join(bytes).join("config.json").exists());
}

#[test]
fn an_unwritable_folder_is_found_before_training() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "in the way").unwrap();
    check("--out file", dir.path(), 1, &["cannot write file", "--out"]);
    check("--out file/below", dir.path(), 1, &["cannot write file/below", "--out"]);
    fs::create_dir_all(dir.path().join("o/metrics.csv")).unwrap();
    check("--out o", dir.path(), 1, &["cannot write o/metrics.csv", "--out"]);
    assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "in the way");
}

#[test]
fn a_diverging_run_stops_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    check(
        "--hidden 30 --lr 1e30 --out m",
        dir.path(),
        1,
        &["diverged", "in step", "of epoch 1", "learning rate"],
    );
    // The logits of one layer grow only as fast as the learning rate: its loss is huge, and finite.
    check("--lr 1e30 --out l", dir.path(), 1, &["diverged", "epoch 1", "learning rate"]);
    for out in ["m", "l"] {
        let metrics = fs::read_to_string(dir.path().join(out).join("metrics.csv")).unwrap();
        assert_eq!(metrics.lines().count(), 2, "what was measured before is kept: {metrics}");
        assert!(dir.path().join(out).join("loss.svg").exists());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let unheard = std::process::Command::new(crate::run::program("logistic"))
        .arg("--nonsense")
        .stderr(full())
        .status();
    assert_eq!(unheard.unwrap().code(), Some(2));
    let output = std::process::Command::new(crate::run::program("logistic"))
        .args(["--epochs", "1"])
        .current_dir(dir.path())
        .stdout(full())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write to standard output"), "{}", stderr(&output));
}

/// A folder with the four files, tiny and sound: three images of each digit.
fn sound_folder(folder: &Path) {
    let images = Array3::from_shape_fn((30, 28, 28), |(i, r, c)| (i * 5 + r + c) as u8);
    let labels: Array1<u8> = (0..30).map(|i| i % 10).collect();
    for split in ["train", "t10k"] {
        write(folder.join(format!("{split}-images-idx3-ubyte.gz")), &images).unwrap();
        write(folder.join(format!("{split}-labels-idx1-ubyte")), &labels).unwrap();
    }
}

#[test]
fn files_may_be_plain_or_gzip() {
    let dir = tempfile::tempdir().unwrap();
    sound_folder(dir.path());
    let flags = "--data . --per-class 2 --epochs 1 --out o";
    let output = run("logistic", flags, dir.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("20 training and 20 validation images"));
    let output = run("logistic", "--data . --per-class all --epochs 1 --out o", dir.path());
    assert!(
        stdout(&output).contains("30 training and 30 validation images"),
        "{}",
        stderr(&output)
    );
    check(
        "--data . --per-class 4",
        dir.path(),
        2,
        &["4 training images", "there are 3 of digit 0"],
    );
}

#[test]
fn damaged_files_are_named_with_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let fails = |expected: &[&str]| check("--data . --out o", folder, 1, expected);
    check(
        "--data nowhere",
        folder,
        1,
        &["nowhere", "expected a folder", "No such file", "or mnist, fashion-mnist"],
    );
    fails(&["place train-images-idx3-ubyte, train-labels-idx1-ubyte, ", "each also with .gz"]);
    sound_folder(folder);
    check("--data train-labels-idx1-ubyte", folder, 1, &["expected a folder", "found a file"]);

    let labels = folder.join("train-labels-idx1-ubyte");
    let images = folder.join("train-images-idx3-ubyte.gz");
    let sound = [&labels, &images].map(|path| (path, fs::read(path).unwrap()));
    let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>), expected: &[&str]| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
        fails(&[&[path.file_name().unwrap().to_str().unwrap()], expected].concat());
        for (path, bytes) in &sound {
            fs::write(path, bytes).unwrap();
        }
    };
    damage(&labels, &|b| b.truncate(20), &["expected 38 bytes", "found 20"]);
    damage(&labels, &|b| b.truncate(3), &["expected a header of 4 bytes", "found 3"]);
    damage(&labels, &|b| b.clear(), &["expected a header of 4 bytes", "found 0"]);
    damage(&labels, &|b| b.push(0), &["expected 38 bytes", "found more"]);
    damage(&labels, &|b| b[0] = b'<', &["expected the bytes 00 00", "found 3C 00"]);
    damage(&labels, &|b| b[2] = 0x0A, &["expected an element type", "found 0A"]);
    damage(&labels, &|b| b[3] = 200, &["expected a header of 804 bytes", "found 38"]);
    damage(&labels, &|b| b[4..8].fill(0xFF), &["expected 30 labels", "found 4294967295"]);
    damage(&labels, &|b| b[10] = 10, &["expected labels of 0 to 9", "found 10 at position 2"]);
    damage(&images, &|b| b.truncate(b.len() / 2), &["gzip", "ends early"]);
    damage(&images, &|b| b.truncate(12), &["gzip", "ends early"]);
    damage(
        &images,
        &|b| {
            let n = b.len();
            b[n - 6] ^= 1;
        },
        &["gzip", "damaged"],
    );
    damage(
        &images,
        &|b| {
            let n = b.len();
            b[n / 2..n / 2 + 40].fill(0x55);
        },
        &["gzip", "damaged"],
    );
    damage(&images, &|b| b.extend(*b"something else"), &["gzip", "damaged"]);

    write(&labels, &Array1::<u8>::zeros(29)).unwrap();
    fails(&[
        "expected 30 labels",
        "found 29",
        "train-labels-idx1-ubyte",
        "train-images-idx3-ubyte.gz",
    ]);
    write(&images, &Array::<u8, _>::zeros((30, 32, 32))).unwrap();
    fails(&["expected images of 28 × 28", "found 32 × 32"]);
    write(&images, &Array::<u8, _>::zeros((0, 28, 28))).unwrap();
    fails(&["at least one image"]);
    fs::remove_file(&labels).unwrap();
    fs::create_dir(&labels).unwrap();
    write(&images, &Array::<u8, _>::zeros((30, 28, 28))).unwrap();
    fails(&["train-labels-idx1-ubyte", "found a folder"]);
    // A folder of that name does not hide a file under another of the names.
    write(folder.join("train-labels.idx1-ubyte"), &Array1::<u8>::zeros(30)).unwrap();
    let output = run("logistic", "--data . --per-class all --epochs 1 --out o", folder);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn exchanged_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    sound_folder(dir.path());
    let path = |name: &str| dir.path().join(name);
    write(path("t10k-labels-idx1-ubyte"), &Array1::<f32>::zeros(30)).unwrap();
    check(
        "--data .",
        dir.path(),
        1,
        &["t10k-labels", "expected labels, [n], of type u8", "type f32"],
    );
    write(path("train-images-idx3-ubyte.gz"), &Array1::<u8>::zeros(30)).unwrap();
    check(
        "--data .",
        dir.path(),
        1,
        &["train-images", "expected images, [n, rows, columns]", "1 dimensions"],
    );
}
