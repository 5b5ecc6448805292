//! Opens what `--data` names: pictures by longhand-mnist, or a table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use longhand_data::{
    NpyArray, Predict, Samples, Standard, Table, TableError, Target, csv_width, npz_names,
    read_npy, read_npz,
};
use longhand_mnist::{Dataset, Download, Name, Split};
use longhand_save::{Feature, Input, Output};
use ndarray::{Array2, Array3, Axis, Ix3};

use crate::data::{Answers, Set, Sets};
use crate::terminal::BottomLine;
use crate::{Failure, terminal};

/// The share of a file's samples that is kept for validation, where there is no file for it.
const VALIDATION: f64 = 0.2;

/// Fields in a line of MNIST as CSV: a label and the pixels.
const MNIST_FIELDS: usize = 785;

/// What a table's columns are, as flags say it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns<'a> {
    /// The column to predict.
    pub target: Option<&'a str>,
    /// Whether that is a class or a number.
    pub predict: Predict,
    /// Of a net that is loaded: how features were standardised, the number it predicts, and its classes.
    pub features: Option<&'a [Feature]>,
    pub number: Option<&'a Feature>,
    pub classes: Option<&'a [String]>,
}

/// Opens what `--data` names: `mnist`, `fashion-mnist` or `kmnist`, unless there is a folder of
/// that name; or whatever [`Dataset::open`] reads. Without it, the digits inside the program.
///
/// # Errors
/// There is nothing of the kind, or it is damaged; the message says what was expected and what was
/// found.
pub fn open(data: Option<&Path>) -> Result<Dataset, String> {
    let Some(path) = data else { return Ok(Dataset::embedded()) };
    open_path(path).map_err(|error| told(path, &error))
}

fn open_path(path: &Path) -> Result<Dataset, longhand_mnist::Error> {
    match name(path) {
        Some(name) if !path.exists() => download(name),
        _ => Dataset::open(path),
    }
}

fn name(path: &Path) -> Option<Name> {
    path.to_str().and_then(|text| text.parse::<Name>().ok())
}

fn told(path: &Path, error: &longhand_mnist::Error) -> String {
    match path.exists() || name(path).is_some() {
        true => format!("--data: {error}"),
        false => format!("--data: {error}, or mnist, fashion-mnist or kmnist to download it"),
    }
}

/// Downloads what is not in the cache, with progress where standard error is a terminal.
fn download(name: Name) -> Result<Dataset, longhand_mnist::Error> {
    let line = BottomLine::new(true);
    Download::new(name).run(&mut |progress| line.show(&progress.to_string()))
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The file of a table that a folder holds, if there is one, or one to train on and one to validate
/// with.
fn table_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    if let Some(x) = files.iter().find(|file| file.file_name().is_some_and(|name| name == "x.npy"))
    {
        return Some(x.clone());
    }
    files.retain(|file| is(file, "csv") || is(file, "npz"));
    match &files[..] {
        [one] => Some(one.clone()),
        [one, other] if partner(one).as_ref() == Some(other) => Some(one.clone()),
        [one, other] if partner(other).as_ref() == Some(one) => Some(other.clone()),
        _ => None,
    }
}

/// The file to validate with that belongs to one with `train` in its name.
fn partner(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let lower = name.to_ascii_lowercase();
    let other = |word: &str| {
        let at = lower.rfind("train")?;
        let end = at + if lower[at..].starts_with("training") { 8 } else { 5 };
        let other = path.with_file_name(format!("{}{word}{}", &name[..at], &name[end..]));
        other.is_file().then_some(other)
    };
    ["test", "testing", "valid", "validation", "val"].into_iter().find_map(other)
}

/// Opens pictures or a table. `asked` says whether `--target` or `--predict` was given, which are for
/// tables.
pub(crate) fn open_sets(
    data: Option<&Path>,
    columns: Columns<'_>,
    asked: bool,
    seed: u64,
    draw: impl Fn(Dataset) -> Result<Dataset, Failure>,
) -> Result<Sets, Failure> {
    let no_table = || {
        let usage =
            "--target and --predict: expected a table as --data, found pictures; leave them out";
        Err(Failure::Usage(usage.to_owned()))
    };
    let Some(path) = data else {
        return if asked { no_table() } else { Ok(draw(Dataset::embedded())?.into()) };
    };
    let is_mnist = |path: &Path| {
        let named = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().to_lowercase().contains("mnist"));
        csv_width(path) == Ok(MNIST_FIELDS) && !asked && (named || Dataset::open(path).is_ok())
    };
    let table = if path.is_file() {
        let is_table = is(path, "npz") || is(path, "npy") || (is(path, "csv") && !is_mnist(path));
        is_table.then(|| path.to_owned())
    } else {
        None
    };
    let table = match table {
        Some(table) => table,
        None => match open_path(path) {
            Ok(_) if asked => return no_table(),
            Ok(all) => return Ok(draw(all)?.into()),
            // No set of pictures is there: a table may be.
            Err(error) => match (&error, table_in(path)) {
                (
                    longhand_mnist::Error::Missing { .. } | longhand_mnist::Error::Csv { .. },
                    Some(table),
                ) => table,
                _ => return Err(Failure::Run(told(path, &error))),
            },
        },
    };
    let valid = partner(&table);
    let wrong =
        |reason: String| Failure::Run(format!("--data: {}: {reason}", terminal::path(&table)));
    let failed = |error: TableError| Failure::Run(format!("--data: {error}"));
    let source = |valid: &Option<PathBuf>| match valid {
        Some(valid) => format!("{} and {}", terminal::path(&table), terminal::path(valid)),
        None => terminal::path(&table),
    };
    if !is(&table, "csv") {
        if columns.target.is_some() {
            let usage = "--target: expected a CSV file as --data, found arrays; leave it out";
            return Err(Failure::Usage(usage.to_owned()));
        }
        let (train, valid, source) = (arrays(&table)?, valid.filter(|_| is(&table, "npz")), source);
        let (train, own_valid) = train;
        let valid_file = if own_valid.is_some() { None } else { valid };
        let source = source(&valid_file);
        let valid = match (own_valid, valid_file) {
            (Some(own), _) => Some(own),
            (None, Some(file)) => Some(arrays(&file)?.0),
            (None, None) => None,
        };
        if let Some(dataset) =
            pictures_of(&train, valid.as_ref(), columns, seed, &source).map_err(wrong)?
        {
            return Ok(draw(dataset)?.into());
        }
        let predict = columns.predict;
        let train = table_of(train, predict).map_err(wrong)?;
        let valid = valid.map(|pair| table_of(pair, predict)).transpose().map_err(wrong)?;
        return rows(train, valid, columns, seed, source).map_err(wrong);
    }
    let train = Table::read_csv(&table, columns.target, columns.predict).map_err(failed)?;
    // One without the column to predict, as in competitions, is none to validate with.
    let has_target =
        |path: &PathBuf| Table::read_csv(path, Some(&train.target_name), columns.predict);
    let (valid, file) = match valid {
        Some(path) => match has_target(&path) {
            Ok(valid) => (Some(valid), Some(path)),
            Err(error) if error.line.is_none() && error.reason.contains("a column called") => {
                (None, None)
            }
            Err(error) => return Err(failed(error)),
        },
        None => (None, None),
    };
    rows(train, valid, columns, seed, source(&file)).map_err(wrong)
}

/// Samples and what is to be predicted of them, as arrays.
type Pair = (NpyArray, NpyArray);

/// The arrays of NumPy's files: to train on, and to validate with if there are any.
fn arrays(path: &Path) -> Result<(Pair, Option<Pair>), Failure> {
    let failed = |error: TableError| Failure::Run(format!("--data: {error}"));
    let wrong =
        |reason: String| Failure::Run(format!("--data: {}: {reason}", terminal::path(path)));
    if is(path, "npy") {
        let y = path.with_file_name("y.npy");
        if !y.is_file() || path.file_name().is_none_or(|name| name != "x.npy") {
            let reason = "expected the files x.npy and y.npy in one folder, found no such pair; name them so";
            return Err(wrong(reason.to_owned()));
        }
        return Ok(((read_npy(path).map_err(failed)?, read_npy(y).map_err(failed)?), None));
    }
    const NAMES: [&str; 9] =
        ["x", "X", "y", "x_train", "y_train", "x_test", "y_test", "x_valid", "y_valid"];
    let mut found = read_npz(path, &NAMES).map_err(failed)?;
    let mut pair = |x: &str, y: &str| -> Option<Pair> {
        match (found.remove(x), found.remove(y)) {
            (Some(x), Some(y)) => Some((x, y)),
            (x, y) => {
                found.extend(x.map(|array| ("x".to_owned(), array)));
                found.extend(y.map(|array| ("y".to_owned(), array)));
                None
            }
        }
    };
    if let Some(train) = pair("x_train", "y_train") {
        let valid = pair("x_test", "y_test").or_else(|| pair("x_valid", "y_valid"));
        return Ok((train, valid));
    }
    if let Some(both) = pair("x", "y").or_else(|| pair("X", "y")) {
        return Ok((both, None));
    }
    let names = npz_names(path).map_err(failed)?;
    Err(wrong(format!(
        "expected the arrays x and y, or x_train, y_train, x_test and y_test, found {}; save them under these names",
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    )))
}

/// Bytes in three dimensions with a class each are pictures.
fn pictures_of(
    train: &Pair,
    valid: Option<&Pair>,
    columns: Columns<'_>,
    seed: u64,
    source: &str,
) -> Result<Option<Dataset>, String> {
    let images = |pair: &Pair| match &pair.0 {
        NpyArray::Bytes(x) => x.clone().into_dimensionality::<Ix3>().ok(),
        _ => None,
    };
    let Some(x) = images(train) else { return Ok(None) };
    let target = target_of(&train.1, x.dim().0, columns.predict)?;
    let Target::Classes { .. } = target else { return Ok(None) };
    let positions = |n: usize| Array2::from_shape_fn((n, 1), |(i, _)| i as f64);
    let table = |target: Target, n| Table {
        names: vec!["1".into()],
        x: positions(n),
        target_name: "y".into(),
        target,
    };
    let (_, rows, across) = x.dim();
    let (valid_x, valid_table) = match valid {
        None => (None, None),
        Some(pair) => {
            let other =
                images(pair).filter(|other| (other.dim().1, other.dim().2) == (rows, across));
            let other = other.ok_or_else(|| {
                format!(
                    "expected pictures of {rows} × {across} bytes to validate with, found {:?}",
                    pair.0.shape()
                )
            })?;
            let target = target_of(&pair.1, other.dim().0, Predict::Class)?;
            let n = other.dim().0;
            (Some(other), Some(table(target, n)))
        }
    };
    if x.is_empty() {
        return Err(format!("array x: expected pictures, found {:?}", x.shape()));
    }
    let n = x.dim().0;
    let (train, valid, names) = both(table(target, n), valid_table, columns.classes, seed)?;
    if names.len() > 256 {
        return Err(format!("expected at most 256 classes of pictures, found {}", names.len()));
    }
    let split = |images: &Array3<u8>, (table, labels): (Table, Vec<usize>)| {
        let chosen: Vec<usize> = table.x.iter().map(|&at| at as usize).collect();
        let labels = labels.iter().map(|&label| label as u8).collect();
        Split::of_classes(images.select(Axis(0), &chosen), labels, names.len())
    };
    let (train, test) = (split(&x, train), split(valid_x.as_ref().unwrap_or(&x), valid));
    Ok(Some(Dataset { train, test, class_names: names, source: source.to_owned().into() }))
}

/// What is to be predicted of so many samples.
fn target_of(y: &NpyArray, n: usize, predict: Predict) -> Result<Target, String> {
    let shape = y.shape();
    if shape != [n] && shape != [n, 1] {
        return Err(format!(
            "array y: expected a class or number for each of {n} samples, [{n}], found {shape:?}"
        ));
    }
    let whole = !matches!(y, NpyArray::Numbers(_));
    let y: Vec<f64> = y.clone().into_numbers().into_iter().collect();
    if let Some(i) = y.iter().position(|value| !value.is_finite()) {
        return Err(format!(
            "array y: expected finite numbers, found {} for sample {i} (from 0)",
            y[i]
        ));
    }
    let words: Vec<String> = y.iter().map(|value| (value + 0.0).to_string()).collect();
    let distinct = words.iter().collect::<BTreeSet<_>>().len();
    // Whole numbers are classes where there are ten samples of each.
    let predict = match predict {
        Predict::Either if whole && distinct <= 256 && 10 * distinct <= n => Predict::Class,
        other => other,
    };
    let target = Target::of_words(&words, predict).expect("numbers");
    match &target {
        Target::Classes { names, .. } if names.len() < 2 => Err(format!(
            "array y: expected two or more classes, found {} for every sample",
            words.first().map_or("none", |word| word)
        )),
        _ => Ok(target),
    }
}

/// A table of two arrays.
fn table_of((x, y): Pair, predict: Predict) -> Result<Table, String> {
    let shape = x.shape().to_vec();
    let n = shape.first().copied().unwrap_or(0);
    let features: usize = shape.iter().skip(1).product();
    if shape.len() < 2 || n < 2 || features == 0 {
        return Err(format!(
            "array x: expected two or more samples with their features, [n, features], found {shape:?}"
        ));
    }
    let target = target_of(&y, n, predict)?;
    let x = x.into_numbers();
    let x = x.as_standard_layout().into_owned().into_shape_with_order((n, features));
    let x = x.expect("as many numbers as before");
    if let Some(((row, column), value)) = x.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(format!(
            "array x: expected finite numbers, found {value} in sample {row}, feature {column} (from 0)"
        ));
    }
    let names = (1..=features).map(|i| i.to_string()).collect();
    Ok(Table { names, x, target_name: "y".to_owned(), target })
}

/// A table to train on and one to validate with: where there is only one, it is divided.
fn divided(train: Table, valid: Option<Table>, seed: u64) -> Result<(Table, Table), String> {
    let Some(valid) = valid else {
        let (learned, kept) = train.split(VALIDATION, seed);
        if kept.is_empty() || learned.is_empty() {
            return Err("expected two or more samples of some class, found one of each; name another column with --target".to_owned());
        }
        return Ok((select(&train, &learned), select(&train, &kept)));
    };
    let valid = in_order(valid, &train.names)?;
    Ok((train, valid))
}

/// The table with its features in this order, by their names.
fn in_order(table: Table, names: &[String]) -> Result<Table, String> {
    if table.names == names {
        return Ok(table);
    }
    let positions: Option<Vec<usize>> =
        names.iter().map(|name| table.names.iter().position(|other| other == name)).collect();
    match positions {
        Some(positions) => {
            let x = table.x.select(Axis(1), &positions);
            Ok(Table { names: names.to_vec(), x, ..table })
        }
        None => {
            let list = |names: &[String]| {
                let shown: Vec<String> =
                    names.iter().take(8).map(|name| terminal::text(name)).collect();
                shown.join(", ") + if names.len() > 8 { ", …" } else { "" }
            };
            Err(format!("expected the features {}, found {}", list(names), list(&table.names)))
        }
    }
}

/// Both tables with the classes of each as positions in one list of names: those of a model that is
/// loaded, or of the samples to train on.
#[allow(clippy::type_complexity)]
fn both(
    train: Table,
    valid: Option<Table>,
    known: Option<&[String]>,
    seed: u64,
) -> Result<((Table, Vec<usize>), (Table, Vec<usize>), Vec<String>), String> {
    let (train, valid) = divided(train, valid, seed)?;
    let Target::Classes { names: own, .. } = &train.target else {
        return Err("expected classes to predict, found numbers; say --predict class".to_owned());
    };
    let names = known.unwrap_or(own).to_vec();
    let labels = |table: &Table| -> Result<Vec<usize>, String> {
        let Target::Classes { names: own, labels } = &table.target else {
            return Err("expected classes to predict in both files, found numbers in one; say --predict class".to_owned());
        };
        let mut map = vec![];
        for name in own {
            let position = names.iter().position(|known| known == name);
            map.push(position.ok_or_else(|| {
                let known =
                    if known.is_some() { "the loaded model" } else { "the samples to train on" };
                format!(
                    "expected the classes of {known}, found another, `{}`",
                    terminal::text(name)
                )
            })?);
        }
        Ok(labels.iter().map(|&label| map[label]).collect())
    };
    let (labels, valid_labels) = (labels(&train)?, labels(&valid)?);
    Ok(((train, labels), (valid, valid_labels), names))
}

fn select(table: &Table, positions: &[usize]) -> Table {
    let target = match &table.target {
        Target::Numbers(numbers) => {
            Target::Numbers(positions.iter().map(|&i| numbers[i]).collect())
        }
        Target::Classes { names, labels } => Target::Classes {
            names: names.clone(),
            labels: positions.iter().map(|&i| labels[i]).collect(),
        },
    };
    let (names, target_name) = (table.names.clone(), table.target_name.clone());
    Table { names, x: table.x.select(Axis(0), positions), target_name, target }
}

/// The sets of tables, standardised on the training set, or as a model that is loaded has it.
fn rows(
    train: Table,
    valid: Option<Table>,
    columns: Columns<'_>,
    seed: u64,
    source: String,
) -> Result<Sets, String> {
    let train = match columns.features {
        None => train,
        // Arrays and files without names have numbers: then their count must do.
        Some(features) if features.len() == train.names.len() && train.names[0] == "1" => train,
        Some(features) => {
            let names: Vec<String> = features.iter().map(|feature| feature.name.clone()).collect();
            in_order(train, &names)
                .map_err(|reason| format!("{reason}; the net of --load has the former"))?
        }
    };
    let features = |x: &Array2<f64>, names: &[String]| -> Vec<Feature> {
        let Standard { mean, deviation } = Standard::of(x);
        let of = names.iter().zip(mean.iter().zip(&deviation));
        of.map(|(name, (&mean, &deviation))| Feature { name: name.clone(), mean, deviation })
            .collect()
    };
    let standardised = |table: &Table, features: &[Feature]| -> Result<Array2<f32>, String> {
        let standard = Standard {
            mean: features.iter().map(|f| f.mean).collect(),
            deviation: features.iter().map(|f| f.deviation).collect(),
        };
        let x = standard.apply(&table.x).mapv(|x| x as f32);
        match x.indexed_iter().find(|(_, x)| !x.is_finite()) {
            Some(((_, column), _)) => Err(format!(
                "expected features that are finite when they are standardised, found another in column {}",
                terminal::text(&table.names[column])
            )),
            None => Ok(x),
        }
    };
    if matches!(train.target, Target::Numbers(_)) {
        let (train, valid) = divided(train, valid, seed)?;
        let numbers = |table: &Table| {
            match &table.target {
            Target::Numbers(numbers) => {
                Ok(Array2::from_shape_vec((numbers.len(), 1), numbers.clone()).expect("a column"))
            }
            Target::Classes { .. } => Err("expected numbers to predict in both files, found classes in one; say --predict number".to_owned()),
        }
        };
        let (y, y_valid) = (numbers(&train)?, numbers(&valid)?);
        let number = columns.number.cloned().unwrap_or_else(|| {
            let standard = Standard::of(&y);
            Feature {
                name: train.target_name.clone(),
                mean: standard.mean[0],
                deviation: standard.deviation[0],
            }
        });
        let features =
            columns.features.map_or_else(|| features(&train.x, &train.names), <[_]>::to_vec);
        let set = |table: &Table, y: Array2<f64>| -> Result<Set, String> {
            let y = y.mapv(|y| ((y - number.mean) / number.deviation) as f32);
            Ok(Set::Rows(Samples::new(standardised(table, &features)?, Answers::Numbers(y))))
        };
        let (train, valid) = (set(&train, y)?, set(&valid, y_valid)?);
        let (input, output) = (Input::Features(features), Output::Number(number));
        return Ok(Sets { train, valid, source, input, output });
    }
    let (train, valid, classes) = both(train, valid, columns.classes, seed)?;
    let features =
        columns.features.map_or_else(|| features(&train.0.x, &train.0.names), <[_]>::to_vec);
    let set = |(table, labels): (Table, Vec<usize>)| -> Result<Set, String> {
        Ok(Set::Rows(Samples::new(standardised(&table, &features)?, Answers::Labels(labels))))
    };
    let (train, valid) = (set(train)?, set(valid)?);
    let (input, output) = (Input::Features(features), Output::Classes(classes));
    Ok(Sets { train, valid, source, input, output })
}
