//! Data as people have it: files under other names, in other folders, closed, damaged, exchanged.

use std::fs;
use std::path::Path;

use ndarray::{Array, Array1};

use super::*;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A name that a file has instead of its standard one.
type Rename = fn(&str) -> String;

/// Writes the four files of a data set under the names that `name` makes of the standard ones.
fn write_files(digits: &Dataset, folder: &Path, name: impl Fn(&str) -> String) {
    let path = |i: usize| {
        let path = folder.join(name(NAMES[i]));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for (i, split) in [(0, &digits.train), (2, &digits.test)] {
        longhand_idx::write(path(i), split.images()).unwrap();
        longhand_idx::write(path(i + 1), &Array1::from(split.labels().to_vec())).unwrap();
    }
}

/// A folder with the four files under such names.
fn folder_of(name: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_files(&digits(0), folder.path(), name);
    folder
}

#[track_caller]
fn expect_digits(opened: Result<Dataset, longhand_mnist::Error>, what: &str) {
    let dataset = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(dataset.train == digits(0).train && dataset.test == digits(0).test, "{what}");
}

#[track_caller]
fn refused(path: &Path, parts: &[&str]) -> String {
    let message = Dataset::open(path).map(|dataset| dataset.source).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    message
}

#[test]
fn the_four_files_have_many_names() {
    let names: [(&str, Rename); 11] = [
        ("standard", |name| name.to_owned()),
        ("gzip", |name| format!("{name}.gz")),
        ("dot", |name| name.replace("-idx", ".idx")),
        ("dot, gzip", |name| name.replace("-idx", ".idx") + ".gz"),
        ("test", |name| name.replace("t10k", "test") + ".gz"),
        ("prefix", |name| format!("my-digits-{name}.gz")),
        ("prefix and test", |name| format!("emnist-mnist-{}.gz", name.replace("t10k", "test"))),
        ("capitals", |name| name.to_uppercase()),
        ("underscores", |name| name.replace('-', "_")),
        ("dots", |name| name.replace('-', ".") + ".gz"),
        ("without ubyte", |name| name.replace("-ubyte", "")),
    ];
    for (what, name) in names {
        let folder = folder_of(name);
        expect_digits(Dataset::open(folder.path()), what);
        expect_digits(Dataset::from_idx_folder(folder.path()), what);
    }
}

#[test]
fn a_file_may_be_in_a_folder_of_its_name() {
    let names: [(&str, Rename); 4] = [
        ("same name", |name| format!("{name}/{name}")),
        ("dotted", |name| format!("{name}/{}", name.replace("-idx", ".idx"))),
        ("named as the archive", |name| format!("{name}.gz/{name}")),
        ("some of them", |name| match name.contains("images") {
            true => format!("{name}/{name}.gz"),
            false => name.to_owned(),
        }),
    ];
    for (what, name) in names {
        let folder = folder_of(name);
        expect_digits(Dataset::open(folder.path()), what);
        expect_digits(Dataset::from_idx_folder(folder.path()), what);
    }
    // Files beside such folders are taken, whatever the folders hold.
    let folder = folder_of(|name| name.replace("-idx", ".idx"));
    write_files(&digits(1), folder.path(), |name| format!("{name}/{name}"));
    expect_digits(Dataset::open(folder.path()), "files beside folders");
    // An empty folder says what is to be done.
    let folder = folder_of(str::to_owned);
    let path = folder.path().join(NAMES[1]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(folder.path(), &["train-labels-idx1-ubyte: expected a file, found a folder without"]);
}

#[test]
fn a_set_may_be_one_or_two_folders_down() {
    for below in ["mnist", "MNIST/raw", "data/mnist"] {
        let folder = folder_of(|name| format!("{below}/{name}.gz"));
        fs::create_dir_all(folder.path().join("MNIST/processed")).unwrap();
        fs::write(folder.path().join("README.md"), "Digits").unwrap();
        let dataset = Dataset::open(folder.path()).unwrap();
        assert!(dataset.source.ends_with(below), "{}", dataset.source);
        expect_digits(Ok(dataset), below);
    }
    // The nearer is taken, and of two alike none.
    let folder = folder_of(|name| format!("one/{name}"));
    write_files(&digits(1), folder.path(), |name| format!("old/deeper/{name}"));
    expect_digits(Dataset::open(folder.path()), "nearer");
    write_files(&digits(1), folder.path(), |name| format!("two/{name}"));
    refused(folder.path(), &["expected one data set, found one and two"]);
}

#[test]
fn a_choice_is_not_made_in_silence() {
    // Standard names are what is documented.
    let folder = folder_of(str::to_owned);
    write_files(&digits(1), folder.path(), |name| format!("other-{name}"));
    write_files(&digits(1), folder.path(), |name| match name.strip_prefix("t10k") {
        Some(rest) => format!("test{rest}"),
        None => format!("x-{name}"),
    });
    expect_digits(Dataset::open(folder.path()), "standard names");
    let folder = folder_of(|name| format!("a-{name}"));
    write_files(&digits(1), folder.path(), |name| format!("b-{name}"));
    refused(
        folder.path(),
        &["expected one data set, found a-t10k-images-idx3-ubyte and b-t10k-images-idx3-ubyte"],
    );
    let folder = folder_of(|name| name.replace("t10k", "test"));
    let path = folder.path().join("testing-labels-idx1-ubyte");
    longhand_idx::write(path, &Array1::<u8>::zeros(40)).unwrap();
    refused(folder.path(), &["test-labels-idx1-ubyte", "testing-labels-idx1-ubyte"]);
}

#[test]
fn what_is_missing_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::create_dir(&path).unwrap();
    let message = refused(&path, &["no pictures in training/ and testing/", "mnist_train.csv"]);
    let text = message.strip_prefix(&format!("{}: ", path.display())).unwrap();
    assert!(text.starts_with("place train-images-idx3-ubyte, train-labels-idx1-ubyte, "), "{text}");
    assert!(text.contains("each also with .gz, or a dot before idx"), "{text}");
    assert!(text.len() < 250, "{text}");
    assert!(NAMES.iter().all(|name| text.matches(name).count() == 1), "{text}");

    // Names that look alike are told: a browser's second copy, an archive.
    for name in ["train-images-idx3-ubyte (1).gz", "mnist.zip", "archive.tar.gz"] {
        fs::write(path.join(name), "").unwrap();
    }
    refused(&path, &["found archive.tar.gz, mnist.zip and train-images-idx3-ubyte (1).gz"]);
    // Of a set without one file, that one.
    let folder = folder_of(|name| format!("{name}.gz"));
    fs::rename(folder.path().join("t10k-labels-idx1-ubyte.gz"), folder.path().join("labels.gz"))
        .unwrap();
    let message = refused(folder.path(), &["place t10k-labels-idx1-ubyte there", "labels.gz"]);
    assert!(!message.contains("place train"), "{message}");
    refused(&folder.path().join("labels.gz"), &["expected a folder", "found a file;"]);
    let zip = path.join("mnist.zip");
    refused(&zip, &["expected a folder", "found a file to unpack"]);
}

/// Whether this process is kept out of a closed folder. The superuser is not: then the test is run
/// again as nobody, if that can be done.
#[cfg(unix)]
fn is_ordinary_user(test: &str, closed: &Path) -> bool {
    if fs::read_dir(closed).is_err() {
        return true;
    }
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .output();
    if let Ok(output) = output {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("FAILED"), "as nobody: {text}{output:?}");
    }
    false
}

#[cfg(unix)]
#[test]
fn a_closed_folder_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let parent = folder_of(|name| format!("closed/{name}.gz"));
    let closed = parent.path().join("closed");
    let set = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
    set(0o000);
    if !is_ordinary_user("sources::a_closed_folder_says_so", &closed) {
        return;
    }
    for mode in [0o000, 0o644, 0o444, 0o200] {
        set(mode);
        let start = format!("{}: ", closed.display());
        let message = refused(&closed, &["Permission denied"]);
        assert!(message.starts_with(&start), "{mode:o}: {message}");
        let named = Dataset::from_idx_folder(&closed).unwrap_err().to_string();
        assert_eq!(named, message);
        // From above, too.
        assert_eq!(refused(parent.path(), &["Permission denied"]), message);
    }
    set(0o755);
    let file = closed.join("train-labels-idx1-ubyte.gz");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    refused(&closed, &["train-labels-idx1-ubyte.gz: Permission denied"]);
}

/// The hint is given where it is true, and not where a file is just another.
#[test]
fn exchanged_files_are_told_from_others() {
    let hint = "are two files exchanged?";
    let folder = folder_of(str::to_owned);
    let [images, labels] = [NAMES[0], NAMES[1]].map(|name| folder.path().join(name));
    let aside = folder.path().join("aside");
    fs::rename(&images, &aside).unwrap();
    fs::rename(&labels, &images).unwrap();
    fs::rename(&aside, &labels).unwrap();
    refused(
        folder.path(),
        &["train-images-idx3-ubyte: expected images, [n, rows, columns], of type u8, found", hint],
    );
    fs::copy(&images, &labels).unwrap();
    let message = refused(folder.path(), &["train-images", "1 dimensions"]);
    assert!(!message.contains(hint), "{message}");
    let folder = folder_of(str::to_owned);
    let labels = folder.path().join(NAMES[3]);
    longhand_idx::write(&labels, &Array1::<f32>::zeros(40)).unwrap();
    let message = refused(folder.path(), &["t10k-labels", "expected labels, [n]", "type f32"]);
    assert!(!message.contains(hint), "{message}");
}

/// The file whose header does not fit its own bytes is to blame.
#[test]
fn a_damaged_header_is_not_blamed_on_the_other_file() {
    let folder = folder_of(str::to_owned);
    let [images, labels] = [NAMES[0], NAMES[1]].map(|name| folder.path().join(name));
    let damage = |path: &Path, at: usize, value: u8, parts: &[&str]| {
        let sound = fs::read(path).unwrap();
        let mut bytes = sound.clone();
        bytes[at] = value;
        fs::write(path, bytes).unwrap();
        refused(folder.path(), parts);
        fs::write(path, sound).unwrap();
    };
    damage(&images, 7, 39, &["train-images-idx3-ubyte: expected 30592 bytes", "784 more bytes"]);
    damage(&images, 4, 9, &["train-images-idx3-ubyte: expected 118380", "found 31376"]);
    damage(&images, 7, 0, &["train-images-idx3-ubyte: expected 16 bytes", "31360 more bytes"]);
    damage(&images, 11, 29, &["train-images-idx3-ubyte: expected 32496 bytes"]);
    damage(
        &labels,
        7,
        39,
        &["train-labels-idx1-ubyte: expected 40 labels", "file of labels is damaged"],
    );
    // Both sound, and of different sets.
    longhand_idx::write(&labels, &Array1::<u8>::zeros(39)).unwrap();
    refused(folder.path(), &["expected 40 labels", "found 39; the two files are not of one set"]);
    longhand_idx::write(&images, &Array::<u8, _>::zeros((40, 32, 32))).unwrap();
    let sizes = "train-images-idx3-ubyte: expected images of 28 × 28 pixels, found 32 × 32";
    refused(folder.path(), &[sizes]);
    longhand_idx::write(&images, &Array::<u8, _>::zeros((40, 0, 28))).unwrap();
    refused(folder.path(), &["train-images-idx3-ubyte: expected at least one image, found none"]);
}

/// EMNIST's letters have labels from 1, QMNIST's are of 32 bits in eight columns, and other sets have
/// other sizes: classes are those that occur.
#[test]
fn images_may_be_of_any_size_and_labels_of_any_classes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let images = |n: usize| Array::from_shape_fn((n, 8, 5), |(i, r, c)| (i * 40 + r * 5 + c) as u8);
    longhand_idx::write(path("emnist-letters-train-images-idx3-ubyte"), &images(4)).unwrap();
    longhand_idx::write(path("emnist-letters-test-images-idx3-ubyte"), &images(3)).unwrap();
    let (train, test) = (
        path("emnist-letters-train-labels-idx1-ubyte"),
        path("emnist-letters-test-labels-idx1-ubyte"),
    );
    longhand_idx::write(&train, &Array1::<u8>::from(vec![26, 1, 7, 26])).unwrap();
    longhand_idx::write(&test, &Array1::<u8>::from(vec![26, 1, 9])).unwrap();
    let letters = Dataset::open(folder.path()).unwrap();
    assert_eq!(letters.class_names, ["1", "7", "9", "26"]);
    assert_eq!(
        (letters.train.labels(), letters.test.labels()),
        (&[3, 0, 1, 3][..], &[3, 0, 2][..])
    );
    assert_eq!((letters.train.features(), letters.train.classes()), (40, 4));
    assert_eq!(letters.train.per_class(), [1, 1, 0, 2]);
    let few = letters.draw_per_class(1, 1).unwrap_err().to_string();
    assert_eq!(few, "cannot draw 1 training images of each class: there are 0 of class 9");

    for (old, labels) in [(train, [70_000, -3, 5, 5].as_slice()), (test, &[5, 70_000, -3])] {
        let name = old.file_name().unwrap().to_str().unwrap().replace("idx1-ubyte", "idx2-int");
        fs::remove_file(&old).unwrap();
        let columns = Array::from_shape_fn((labels.len(), 8), |(i, c)| labels[i] + c as i32);
        longhand_idx::write(path(&name), &columns).unwrap();
    }
    let qmnist = Dataset::open(folder.path()).unwrap();
    assert_eq!(qmnist.class_names, ["-3", "5", "70000"]);
    assert_eq!(qmnist.train.labels(), [2, 0, 1, 1]);

    let (images, labels) = (Array::<u8, _>::zeros((300, 8, 5)), Array1::from_iter(0..300i32));
    for set in ["train", "test"] {
        longhand_idx::write(path(&format!("emnist-letters-{set}-images-idx3-ubyte")), &images)
            .unwrap();
        longhand_idx::write(path(&format!("emnist-letters-{set}-labels-idx2-int")), &labels)
            .unwrap();
    }
    refused(folder.path(), &["expected labels of at most 256 classes, found 300"]);
    let mut strange = labels.mapv(|label| label % 10);
    longhand_idx::write(path("emnist-letters-train-labels-idx2-int"), &strange).unwrap();
    strange[17] = 12;
    longhand_idx::write(path("emnist-letters-test-labels-idx2-int"), &strange).unwrap();
    refused(
        folder.path(),
        &["test-labels-idx2-int: expected labels of 0 to 9, or of", "found 12 at position 17"],
    );
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_and_names_escaped() {
    let folder = folder_of(|name| format!("a\x1b[2J\n/{name}"));
    let inner = folder.path().join("a\x1b[2J\n");
    let dataset = Dataset::open(&inner).unwrap();
    assert!(dataset.source.ends_with(r"a\u{1b}[2J\n"), "{}", dataset.source);
    let pipe = inner.join(NAMES[2]);
    fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let message = refused(&inner, &[r"a\u{1b}[2J\n/t10k-images", "found a named pipe"]);
    assert!(!message.contains(char::is_control), "{message}");
    refused(&pipe, &["expected a folder", "found a pipe, a socket or a device"]);
    let message = refused(&inner.join("no\x07such"), &[r"no\u{7}such: expected a folder"]);
    assert!(!message.contains(char::is_control), "{message}");
}

#[cfg(not(feature = "csv"))]
#[test]
fn without_the_feature_csv_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mnist_train.csv", "mnist_test.csv"] {
        fs::write(folder.path().join(name), "5,0").unwrap();
    }
    refused(folder.path(), &["CSV is read with the `csv` feature"]);
    refused(&folder.path().join("mnist_test.csv"), &["CSV is read with the `csv` feature"]);
}

#[cfg(feature = "csv")]
mod csv {
    use super::*;

    /// The lines of a split.
    fn lines(split: &Split, header: bool) -> String {
        let mut text = String::new();
        if header {
            let names = (0..784).map(|i| format!("{}x{}", i / 28 + 1, i % 28 + 1));
            text = format!("label,{}\n", names.collect::<Vec<_>>().join(","));
        }
        for (image, label) in split.images().outer_iter().zip(split.labels()) {
            let pixels: Vec<String> = image.iter().map(ToString::to_string).collect();
            text += &format!("{label},{}\n", pixels.join(","));
        }
        text
    }

    fn write_pair(folder: &Path, names: [&str; 2], header: bool) -> [std::path::PathBuf; 2] {
        let digits = digits(0);
        let paths = names.map(|name| folder.join(name));
        fs::create_dir_all(folder).unwrap();
        fs::write(&paths[0], lines(&digits.train, header)).unwrap();
        fs::write(&paths[1], lines(&digits.test, header)).unwrap();
        paths
    }

    #[test]
    fn two_files_are_read_by_any_of_their_names() {
        for header in [true, false] {
            for names in [
                ["mnist_train.csv", "mnist_test.csv"],
                ["train.csv", "test.csv"],
                ["train.csv", "valid.csv"],
                ["fashion-mnist_train.csv", "fashion-mnist_test.csv"],
                ["MNIST_TRAIN.CSV", "MNIST_TEST.CSV"],
                ["my-digits.training.csv", "my-digits.testing.csv"],
            ] {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("sample_submission.csv"), "ImageId,Label\n").unwrap();
                let paths = write_pair(folder.path(), names, header);
                expect_digits(Dataset::open(folder.path()), names[0]);
                expect_digits(Dataset::from_csv(folder.path()), names[0]);
                for path in paths {
                    expect_digits(Dataset::open(&path), names[0]);
                    expect_digits(Dataset::from_csv(&path), names[0]);
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        write_pair(&folder.path().join("csv"), ["mnist_train.csv", "mnist_test.csv"], true);
        expect_digits(Dataset::open(folder.path()), "one folder down");
    }

    #[test]
    fn spaces_quotes_and_line_ends_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write_pair(folder.path(), ["train.csv", "test.csv"], true);
        let text = fs::read_to_string(&paths[0]).unwrap();
        let quoted = text.replace(',', "\",\"").replace('\n', "\"\n\"");
        let changed = [
            text.replace('\n', "\r\n"),
            text.replace('\n', "\r"),
            text.replace(',', ", "),
            format!("\u{FEFF}{text}"),
            format!("{text}\n\n"),
            text.trim_end().to_owned(),
            format!("\"{}", quoted.trim_end_matches('"')),
        ];
        for text in changed {
            fs::write(&paths[0], &text).unwrap();
            expect_digits(Dataset::open(folder.path()), &text[..40]);
        }
    }

    #[test]
    fn faults_are_named_by_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write_pair(folder.path(), ["mnist_train.csv", "mnist_test.csv"], false);
        let text = fs::read_to_string(&paths[1]).unwrap();
        let all: Vec<&str> = text.lines().collect();
        let check = |text: String, parts: &[&str]| {
            fs::write(&paths[1], text).unwrap();
            refused(&paths[1], parts);
        };
        let with = |line: usize, changed: &str| {
            let mut all = all.clone();
            all[line - 1] = changed;
            all.join("\n")
        };
        let field = |line: usize, column: usize, field: &str| {
            let mut fields: Vec<&str> = all[line - 1].split(',').collect();
            fields[column - 1] = field;
            with(line, &fields.join(","))
        };
        let pixel = "mnist_test.csv: line 3, column 17: expected a pixel of 0 to 255, found ";
        check(field(3, 17, "256"), &[pixel, "`256`"]);
        check(field(3, 17, ""), &[pixel, "``"]);
        check(field(3, 17, "-1"), &[pixel, "`-1`"]);
        check(field(3, 17, "0.5"), &[pixel, "`0.5`"]);
        check(field(3, 17, "\x1b[31mred"), &[pixel, r"`\u{1b}[31mred`"]);
        check(field(3, 17, &"7".repeat(1000)), &[pixel, "`77777777777777777777`"]);
        check(field(2, 1, "10"), &["line 2, column 1: expected a label of 0 to 9, found `10`"]);
        check(field(2, 1, "label"), &["line 2, column 1: expected a label", "`label`"]);
        let columns = "expected 785 columns, a label and 784 pixels, found ";
        check(with(4, "5,0,0"), &["line 4: ", columns, "found 3"]);
        check(with(1, "<html>"), &["line 1: ", columns, "found 1"]);
        let unlabelled = all[0].split_once(',').unwrap().1;
        check(with(1, unlabelled), &["line 1: ", "found 784 (are the labels missing?)"]);
        check(String::new(), &["mnist_test.csv: expected at least one image, found none"]);
        check("0".repeat(1 << 20), &["mnist_test.csv: line 1: ", "more than 65536 bytes"]);
        check("label,pixel\n".to_owned(), &["line 1: ", columns, "found 2"]);
        let header = lines(&digits(0).test.select(&[]), true);
        check(header.clone(), &["expected at least one image, found none"]);
        let (label, pixels) = header.trim_end().split_once(',').unwrap();
        let moved = format!("{pixels},{label}\n{}", all[0]);
        check(moved, &["line 1, column 785: expected the labels in column 1, found `label`"]);
    }

    #[test]
    fn a_file_without_the_other_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write_pair(folder.path(), ["mnist_train.csv", "mnist_test.csv"], false);
        fs::remove_file(&paths[1]).unwrap();
        let expected = "mnist_train.csv: expected the other file of the set, mnist_test.csv";
        refused(&paths[0], &[expected]);
        refused(folder.path(), &[expected]);
        refused(&paths[1], &["mnist_test.csv: expected a folder", "No such file"]);
        let other = folder.path().join("digits.csv");
        fs::rename(&paths[0], &other).unwrap();
        refused(&other, &["digits.csv: expected a name with `train` or `test` in it"]);
        refused(folder.path(), &["place train-images-idx3-ubyte"]);
    }

    /// Beside other data, a choice is not made in silence; a log is no data.
    #[test]
    fn csv_beside_idx_files() {
        let folder = folder_of(str::to_owned);
        for name in ["metrics_train.csv", "metrics_test.csv", "runs_train.csv"] {
            fs::write(folder.path().join(name), "epoch,loss\n").unwrap();
        }
        expect_digits(Dataset::open(folder.path()), "logs");
        let paths = write_pair(folder.path(), ["mnist_train.csv", "mnist_test.csv"], false);
        refused(folder.path(), &["expected one data set, found CSV files and another set"]);
        expect_digits(Dataset::open(&paths[0]), "the CSV files");
        expect_digits(Dataset::from_idx_folder(folder.path()), "the IDX files");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write_pair(folder.path(), ["mnist_train.csv", "mnist_test.csv"], false);
        fs::remove_file(&paths[1]).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&paths[1]).status().unwrap().success());
        refused(folder.path(), &["mnist_test.csv: expected a regular file, found a named pipe"]);
        refused(&paths[0], &["mnist_test.csv: expected a regular file, found a named pipe"]);
    }
}
