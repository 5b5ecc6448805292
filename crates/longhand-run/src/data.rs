//! What `--data` names, as sets to train on and to validate with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use longhand_data::{
    NpyArray, Predict, Samples, Standard, Table, TableError, Target, Targets, csv_width, npz_names,
    read_npy, read_npz,
};
use longhand_mnist::{Dataset, Download, Name, Split};
use longhand_save::{Feature, Input, Output};
use longhand_train::{Batch, Data};
use ndarray::{Array2, Axis};

use crate::loss::Measure;
use crate::terminal::BottomLine;
use crate::{Failure, hex, terminal};

/// The share of a file's samples that is kept for validation, where there is no file for it.
const VALIDATION: f64 = 0.2;

/// Fields in a line of MNIST as CSV: a label and the pixels.
const MNIST_FIELDS: usize = 785;

/// What a run learns from.
#[derive(Clone, Debug)]
pub struct Sets {
    /// The samples to train on.
    pub train: Set,
    /// The samples to validate with.
    pub valid: Set,
    /// Where they came from, for people.
    pub source: String,
    /// What their features are.
    pub input: Input,
    /// What is predicted of them.
    pub output: Output,
}

/// Samples with their answers.
#[derive(Clone, Debug)]
pub enum Set {
    /// Pictures, whose pixels are divided by 255.
    Pictures(Split),
    /// Rows of standardised numbers.
    Rows(Samples<f32, Answers>),
}

/// What is to be predicted of each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// Its class.
    Labels(Vec<usize>),
    /// A number, standardised: `[n, 1]`.
    Numbers(Array2<f32>),
}

impl Default for Answers {
    fn default() -> Answers {
        Answers::Labels(vec![])
    }
}

impl Targets for Answers {
    fn count(&self) -> usize {
        match self {
            Answers::Labels(labels) => labels.len(),
            Answers::Numbers(numbers) => numbers.nrows(),
        }
    }

    fn select_into(&self, positions: &[usize], batch: &mut Answers) {
        match (self, &mut *batch) {
            (Answers::Labels(labels), Answers::Labels(batch)) => {
                labels.select_into(positions, batch)
            }
            (Answers::Labels(labels), _) => {
                *batch = Answers::Labels(positions.iter().map(|&i| labels[i]).collect());
            }
            (Answers::Numbers(numbers), _) => {
                *batch = Answers::Numbers(numbers.select(Axis(0), positions));
            }
        }
    }
}

impl Data<f32> for Set {
    type Targets = Answers;

    fn len(&self) -> usize {
        match self {
            Set::Pictures(split) => split.len(),
            Set::Rows(rows) => Data::<f32>::len(rows),
        }
    }

    fn batch_into(&self, positions: &[usize], batch: &mut Batch<f32, Answers>) {
        match self {
            Set::Rows(rows) => rows.batch_into(positions, batch),
            Set::Pictures(split) => {
                let targets = match std::mem::take(&mut batch.targets) {
                    Answers::Labels(labels) => labels,
                    Answers::Numbers(_) => vec![],
                };
                let mut inner = Batch { x: std::mem::take(&mut batch.x), targets };
                split.batch_into(positions, &mut inner);
                *batch = Batch { x: inner.x, targets: Answers::Labels(inner.targets) };
            }
        }
    }
}

impl Set {
    /// The first samples.
    fn first(&self, n: usize) -> Set {
        let n = n.min(Data::<f32>::len(self));
        let positions: Vec<usize> = (0..n).collect();
        match self {
            Set::Pictures(split) => Set::Pictures(split.select(&positions)),
            Set::Rows(rows) => {
                let Batch { x, targets } = rows.batch(&positions);
                Set::Rows(Samples::new(x, targets))
            }
        }
    }

    fn features(&self) -> usize {
        match self {
            Set::Pictures(split) => split.features(),
            Set::Rows(rows) => rows.x().ncols(),
        }
    }

    fn hash_into(&self, hash: &mut Hash) {
        match self {
            Set::Pictures(split) => {
                hash.update(split.images().as_slice().expect("standard layout"));
                hash.update(split.labels());
            }
            Set::Rows(rows) => {
                rows.x().iter().for_each(|x| hash.update(x.to_le_bytes()));
                match rows.targets() {
                    Answers::Labels(labels) => {
                        labels.iter().for_each(|l| hash.update(l.to_le_bytes()))
                    }
                    Answers::Numbers(numbers) => {
                        numbers.iter().for_each(|n| hash.update(n.to_le_bytes()))
                    }
                }
            }
        }
    }
}

impl From<Dataset> for Sets {
    fn from(dataset: Dataset) -> Sets {
        let (_, rows, columns) = dataset.train.images().dim();
        let images = dataset.train.images().outer_iter();
        let all = images.len();
        let centred = images.filter(|image| longhand_mnist::is_centred(image)).count();
        Sets {
            source: dataset.source.into_owned(),
            input: Input::Picture { rows, columns, centred: 20 * centred >= 19 * all },
            output: Output::Classes(dataset.class_names),
            train: Set::Pictures(dataset.train),
            valid: Set::Pictures(dataset.test),
        }
    }
}

impl Sets {
    /// Numbers of a sample.
    pub fn features(&self) -> usize {
        self.train.features()
    }

    /// Numbers that a net is to give for a sample.
    pub fn outputs(&self) -> usize {
        self.classes().len().max(1)
    }

    /// The names of the classes; none where a number is predicted.
    pub fn classes(&self) -> &[String] {
        match &self.output {
            Output::Classes(names) => names,
            _ => &[],
        }
    }

    /// The pictures to train on and to validate with.
    ///
    /// # Errors
    /// The samples are no pictures.
    pub fn pictures(&self) -> Result<(&Split, &Split), Failure> {
        match (&self.train, &self.valid) {
            (Set::Pictures(train), Set::Pictures(valid)) => Ok((train, valid)),
            _ => Err(Failure::Run(format!(
                "--data: expected pictures, found a table, {}; tables are for the example mlp, without --check",
                self.source
            ))),
        }
    }

    /// The pictures with the names of their classes.
    ///
    /// # Errors
    /// The samples are no pictures.
    pub fn dataset(&self) -> Result<Dataset, Failure> {
        let (train, test) = self.pictures()?;
        let (train, test) = (train.clone(), test.clone());
        let source = self.source.clone().into();
        Ok(Dataset { train, test, class_names: self.classes().to_vec(), source })
    }

    /// The same with the first training samples only.
    pub(crate) fn with_first(self, n: usize) -> Sets {
        Sets { train: self.train.first(n), ..self }
    }

    /// SHA-256 of what is trained on and validated with, in its order.
    pub(crate) fn identity(&self) -> String {
        identity(&self.train, &self.valid)
    }

    /// What tells these samples from others: their hash, and what is predicted of them.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{} {:?}", self.identity(), self.output)
    }

    /// What is measured beside the loss.
    pub(crate) fn measure(&self) -> Measure {
        match &self.output {
            Output::Number(Feature { deviation, .. }) => Measure::Error { deviation: *deviation },
            _ => Measure::Accuracy,
        }
    }

    /// Where the samples are from and how many they are.
    pub(crate) fn text(&self) -> String {
        let Sets { train, valid, source, .. } = self;
        let what = if matches!(train, Set::Pictures(_)) { "images" } else { "samples" };
        let [train, valid] = [train, valid].map(Data::<f32>::len);
        format!("{source}: {train} training and {valid} validation {what}")
    }
}

/// SHA-256 of two sets.
pub(crate) fn identity(train: &Set, valid: &Set) -> String {
    let mut hash = Hash::new();
    train.hash_into(&mut hash);
    valid.hash_into(&mut hash);
    hex(&hash.finalize())
}

/// What a table's columns are, as flags say it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns<'a> {
    /// The column to predict.
    pub target: Option<&'a str>,
    /// Whether that is a class or a number.
    pub predict: Predict,
    /// How features were standardised for a net that is loaded.
    pub features: Option<&'a [Feature]>,
    pub number: Option<&'a Feature>,
}

/// Opens what `--data` names: `mnist`, `fashion-mnist` or `kmnist`, unless there is a folder of
/// that name; or whatever [`Dataset::open`] reads. Without it, the digits inside the program.
///
/// # Errors
/// There is nothing of the kind, or it is damaged; the message says what was expected and what was
/// found.
pub fn open(data: Option<&Path>) -> Result<Dataset, String> {
    let Some(path) = data else { return Ok(Dataset::embedded()) };
    let name = path.to_str().and_then(|text| text.parse::<Name>().ok());
    let opened = match name {
        Some(name) if !path.exists() => download(name),
        _ => Dataset::open(path),
    };
    opened.map_err(|error| match path.exists() || name.is_some() {
        true => format!("--data: {error}"),
        false => format!("--data: {error}, or mnist, fashion-mnist or kmnist to download it"),
    })
}

/// Downloads what is not in the cache, with progress where standard error is a terminal.
fn download(name: Name) -> Result<Dataset, longhand_mnist::Error> {
    let line = BottomLine::new(true);
    Download::new(name).run(&mut |progress| line.show(&progress.to_string()))
}

/// The files of a table, if the path names any: to train on, and to validate with.
fn table_files(path: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let is = |path: &Path, extension: &str| {
        path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
    };
    let is_table =
        |path: &Path| is(path, "csv") && csv_width(path).is_ok_and(|width| width != MNIST_FIELDS);
    if path.is_file() {
        let table = is(path, "npz")
            || is(path, "npy")
            || (is(path, "csv") && csv_width(path) != Ok(MNIST_FIELDS));
        return table.then(|| (path.to_owned(), partner(path)));
    }
    let entries = fs::read_dir(path).ok()?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|p| p.is_file()).collect();
    files.sort();
    if let Some(x) = files.iter().find(|file| file.file_name().is_some_and(|name| name == "x.npy"))
    {
        return Some((x.clone(), None));
    }
    let tables: Vec<&PathBuf> =
        files.iter().filter(|file| is_table(file) || is(file, "npz")).collect();
    match tables[..] {
        [one] => Some((one.clone(), None)),
        [one, other] => [(one, other), (other, one)]
            .into_iter()
            .find(|(train, valid)| partner(train).as_ref() == Some(valid))
            .map(|(train, valid)| (train.clone(), Some(valid.clone()))),
        _ => None,
    }
}

/// The file to validate with that belongs to one with `train` in its name.
fn partner(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let other = |word: &str| {
        let at = name.to_lowercase().rfind("train")?;
        let end = if name.to_lowercase()[at..].starts_with("training") { at + 8 } else { at + 5 };
        let other = path.with_file_name(format!("{}{word}{}", &name[..at], &name[end..]));
        other.is_file().then_some(other)
    };
    ["test", "testing", "valid", "validation", "val"].into_iter().find_map(other)
}

/// Opens samples of any kind: pictures, or a table of one's own.
pub(crate) fn open_sets(
    data: Option<&Path>,
    columns: Columns<'_>,
    seed: u64,
    pictures: impl FnOnce(Dataset) -> Result<Dataset, Failure>,
) -> Result<Sets, Failure> {
    let failed = |error: TableError| Failure::Run(format!("--data: {error}"));
    if let Some(path) = data
        && let Some((train, valid)) = table_files(path)
    {
        let source = terminal::path(path);
        let is_csv = train.extension().is_some_and(|found| found.eq_ignore_ascii_case("csv"));
        if is_csv {
            let read = |path: &Path| {
                Table::read_csv(path, columns.target, columns.predict).map_err(failed)
            };
            let train = read(&train)?;
            let valid = valid.map(|path| read(&path)).transpose()?;
            return rows(train, valid, columns, seed, source).map_err(|reason| {
                Failure::Run(format!("--data: {}: {reason}", terminal::path(path)))
            });
        }
        return arrays(&train, columns, seed, source, pictures);
    }
    if columns.target.is_some() || columns.predict != Predict::Either {
        let usage =
            "--target and --predict: expected a table as --data, found pictures; leave them out";
        return Err(Failure::Usage(usage.to_owned()));
    }
    Ok(pictures(open(data).map_err(Failure::Run)?)?.into())
}

/// The sets of NumPy's files.
fn arrays(
    path: &Path,
    columns: Columns<'_>,
    seed: u64,
    source: String,
    pictures: impl FnOnce(Dataset) -> Result<Dataset, Failure>,
) -> Result<Sets, Failure> {
    let failed = |error: TableError| Failure::Run(format!("--data: {error}"));
    let wrong =
        |reason: String| Failure::Run(format!("--data: {}: {reason}", terminal::path(path)));
    if columns.target.is_some() {
        return Err(Failure::Usage(
            "--target: expected a CSV file as --data, found arrays; leave it out".to_owned(),
        ));
    }
    let is_npy = path.extension().is_some_and(|found| found.eq_ignore_ascii_case("npy"));
    let mut found = if is_npy {
        let y = path.with_file_name("y.npy");
        if !y.is_file() || path.file_name().is_none_or(|name| name != "x.npy") {
            return Err(wrong("expected the files x.npy and y.npy in one folder, found no such pair; name them so".to_owned()));
        }
        [
            ("x".to_owned(), read_npy(path).map_err(failed)?),
            ("y".to_owned(), read_npy(y).map_err(failed)?),
        ]
        .into()
    } else {
        read_npz(
            path,
            &["x", "X", "y", "x_train", "y_train", "x_test", "y_test", "x_valid", "y_valid"],
        )
        .map_err(failed)?
    };
    let mut pair = |x: &[&str], y: &str| -> Option<(NpyArray, NpyArray)> {
        let x = x.iter().find_map(|name| found.remove(*name))?;
        Some((x, found.remove(y)?))
    };
    let (train, valid) = match pair(&["x_train"], "y_train") {
        Some(train) => {
            (train, pair(&["x_test"], "y_test").or_else(|| pair(&["x_valid"], "y_valid")))
        }
        None => match pair(&["x", "X"], "y") {
            Some(both) => (both, None),
            None => {
                let names = npz_names(path).map_err(failed)?;
                return Err(wrong(format!(
                    "expected the arrays x and y, or x_train, y_train, x_test and y_test, found {}; save them under these names",
                    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                )));
            }
        },
    };
    let is_pictures = matches!(&train.0, NpyArray::Bytes(x) if x.ndim() == 3);
    let predict = columns.predict;
    let table = |(x, y): (NpyArray, NpyArray)| table_of(x, y, predict);
    let train_table = table(train).map_err(wrong)?;
    let valid_table = valid.map(table).transpose().map_err(wrong)?;
    if !is_pictures || !matches!(train_table.0.target, Target::Classes { .. }) {
        return rows(train_table.0, valid_table.map(|(table, _)| table), columns, seed, source)
            .map_err(wrong);
    }
    let shape = train_table.1.clone();
    if valid_table.as_ref().is_some_and(|(_, other)| other[1..] != shape[1..]) {
        return Err(wrong(
            "expected pictures of one size in both sets, found two sizes".to_owned(),
        ));
    }
    let (train, valid, names) =
        both(train_table.0, valid_table.map(|(table, _)| table), seed).map_err(wrong)?;
    if names.len() > 256 {
        return Err(wrong(format!("expected at most 256 classes, found {}", names.len())));
    }
    let split = |(table, labels): (Table, Vec<usize>)| {
        let pixels = table.x.mapv(|pixel| pixel as u8);
        let images = pixels.into_shape_with_order((labels.len(), shape[1], shape[2]));
        let labels = labels.iter().map(|&label| label as u8).collect();
        Split::of_classes(images.expect("as many pixels as before"), labels, names.len())
    };
    let (train, test) = (split(train), split(valid));
    Ok(pictures(Dataset { train, test, class_names: names, source: source.into() })?.into())
}

/// A table of two arrays, and the shape that the samples had.
fn table_of(x: NpyArray, y: NpyArray, predict: Predict) -> Result<(Table, Vec<usize>), String> {
    let shape = x.shape().to_vec();
    let n = shape.first().copied().unwrap_or(0);
    let features: usize = shape.iter().skip(1).product();
    if shape.len() < 2 || n < 2 || features == 0 {
        return Err(format!(
            "array x: expected two or more samples with their features, [n, features], found {shape:?}"
        ));
    }
    let y_shape = y.shape().to_vec();
    if y_shape != [n] && y_shape != [n, 1] {
        return Err(format!(
            "array y: expected a class or number for each of {n} samples, [{n}], found {y_shape:?}"
        ));
    }
    let x = x.into_numbers();
    let x = x.as_standard_layout().into_owned().into_shape_with_order((n, features));
    let x = x.expect("as many numbers as before");
    if let Some(((row, column), value)) = x.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(format!(
            "array x: expected finite numbers, found {value} in sample {row}, feature {column} (from 0)"
        ));
    }
    let whole = !matches!(y, NpyArray::Numbers(_));
    let y: Vec<f64> = y.into_numbers().into_iter().collect();
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
    let names = (1..=features).map(|i| i.to_string()).collect();
    Ok((Table { names, x, target_name: "y".to_owned(), target }, shape))
}

/// Both tables with the classes of each as positions in one list of names; without a second table,
/// the first is divided.
#[allow(clippy::type_complexity)]
fn both(
    train: Table,
    valid: Option<Table>,
    seed: u64,
) -> Result<((Table, Vec<usize>), (Table, Vec<usize>), Vec<String>), String> {
    let (train, valid) = match valid {
        Some(valid) => (train, valid),
        None => {
            let (learned, kept) = train.split(VALIDATION, seed);
            (select(&train, &learned), select(&train, &kept))
        }
    };
    if train.names.len() != valid.names.len() {
        return Err(format!(
            "expected {} features in both files, found {} in the second",
            train.names.len(),
            valid.names.len()
        ));
    }
    let (
        Target::Classes { names, labels },
        Target::Classes { names: others, labels: other_labels },
    ) = (&train.target, &valid.target)
    else {
        return Err(
            "expected classes to predict in both files, found numbers in one; say --predict class"
                .to_owned(),
        );
    };
    let position = |name: &String| names.iter().position(|known| known == name);
    let mut map = vec![];
    for name in others {
        map.push(position(name).ok_or_else(|| {
            format!(
                "expected the classes of the training samples in those for validation, found `{}`",
                terminal::text(name)
            )
        })?);
    }
    let other_labels = other_labels.iter().map(|&label| map[label]).collect();
    let (labels, names) = (labels.clone(), names.clone());
    Ok(((train, labels), (valid, other_labels), names))
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
    Table { x: table.x.select(Axis(0), positions), target, ..table.clone() }
}

/// The sets of tables, standardised on the training set.
fn rows(
    train: Table,
    valid: Option<Table>,
    columns: Columns<'_>,
    seed: u64,
    source: String,
) -> Result<Sets, String> {
    let names = train.names.clone();
    let features = |x: &Array2<f64>| -> Result<Vec<Feature>, String> {
        if let Some(features) = columns.features {
            return match features.len() == names.len() {
                true => Ok(features.to_vec()),
                false => Err(format!(
                    "expected {} features, as the net of --load has, found {}",
                    features.len(),
                    names.len()
                )),
            };
        }
        let standard = Standard::of(x);
        let of = names.iter().zip(standard.mean.iter().zip(&standard.deviation));
        Ok(of
            .map(|(name, (&mean, &deviation))| Feature { name: name.clone(), mean, deviation })
            .collect())
    };
    let standardised = |x: &Array2<f64>, features: &[Feature]| -> Result<Array2<f32>, String> {
        let standard = Standard {
            mean: features.iter().map(|f| f.mean).collect(),
            deviation: features.iter().map(|f| f.deviation).collect(),
        };
        let x = standard.apply(x).mapv(|x| x as f32);
        match x.indexed_iter().find(|(_, x)| !x.is_finite()) {
            Some(((row, column), _)) => Err(format!(
                "sample {row} (from 0): expected features that are finite when they are standardised, found another in column {}",
                names[column]
            )),
            None => Ok(x),
        }
    };
    if matches!(train.target, Target::Numbers(_)) {
        let (train, valid) = match valid {
            Some(valid) if valid.names.len() != names.len() => {
                return Err(format!(
                    "expected {} features in both files, found {} in the second",
                    names.len(),
                    valid.names.len()
                ));
            }
            Some(valid) => (train, valid),
            None => {
                let (learned, kept) = train.split(VALIDATION, seed);
                (select(&train, &learned), select(&train, &kept))
            }
        };
        let numbers = |table: &Table| {
            match &table.target {
            Target::Numbers(numbers) => Ok(Array2::from_shape_vec((numbers.len(), 1), numbers.clone()).expect("a column")),
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
        let features = features(&train.x)?;
        let scaled = |y: Array2<f64>| y.mapv(|y| ((y - number.mean) / number.deviation) as f32);
        let set = |table: &Table, y: Array2<f64>| -> Result<Set, String> {
            Ok(Set::Rows(Samples::new(
                standardised(&table.x, &features)?,
                Answers::Numbers(scaled(y)),
            )))
        };
        let (train, valid) = (set(&train, y)?, set(&valid, y_valid)?);
        return Ok(Sets {
            train,
            valid,
            source,
            input: Input::Features(features),
            output: Output::Number(number),
        });
    }
    let (train, valid, classes) = both(train, valid, seed)?;
    let features = features(&train.0.x)?;
    let set = |(table, labels): (Table, Vec<usize>)| -> Result<Set, String> {
        Ok(Set::Rows(Samples::new(standardised(&table.x, &features)?, Answers::Labels(labels))))
    };
    let (train, valid) = (set(train)?, set(valid)?);
    Ok(Sets {
        train,
        valid,
        source,
        input: Input::Features(features),
        output: Output::Classes(classes),
    })
}
