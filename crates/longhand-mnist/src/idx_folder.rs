use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use longhand_idx::{ElementType, Reader, escaped};
use ndarray::Array3;

use crate::folder::{Entry, Kind, TEST, TRAIN, expect_folder, is_archive, list};
use crate::{Dataset, Error, Split};

impl Dataset {
    /// Reads the four IDX files, each plain or gzip: `train-images-idx3-ubyte`,
    /// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each also
    /// with `.gz`, or a dot before `idx`.
    ///
    /// Where these names are not there, `test` may stand for `t10k`, all four may have a prefix in
    /// common (`my-digits-train-images-idx3-ubyte`), and letters may be capitals. A file may be in
    /// a folder of its own name, as some unpackers leave it.
    ///
    /// Images may be of any size, and there may be up to 256 classes. These are the labels that
    /// occur in either set, in ascending order, and their numbers are the classes' names: EMNIST's
    /// letters are classes `1` to `26`. Labels may be of 32 bits, too, alone or in the first of eight
    /// columns, as QMNIST has them in `qmnist-train-labels-idx2-int`.
    ///
    /// # Errors
    /// A file is missing, damaged or not IDX; there is a choice between several sets; images differ
    /// in size; images and labels differ in number; a label that is none of a digit occurs in
    /// one set only; there are more than 256 classes.
    ///
    /// ```
    /// let error = longhand_mnist::Dataset::from_idx_folder("no/such/folder").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/folder: expected a folder"));
    /// ```
    pub fn from_idx_folder(folder: impl AsRef<Path>) -> Result<Dataset, Error> {
        let folder = folder.as_ref();
        expect_folder(folder)?;
        let entries = list(folder)?;
        match find(folder, &entries)? {
            Search::Files(files) => Dataset::from_idx_files(&files, escaped(folder)),
            Search::Lacking(roles) => Err(missing(folder, roles, &entries, false)),
        }
    }

    /// Reads images and labels to learn from, and images and labels to evaluate on.
    pub(crate) fn from_idx_files(files: &[PathBuf; 4], source: String) -> Result<Dataset, Error> {
        expect_one_size(&files[0], &files[2])?;
        let train = Half::read(&files[0], &files[1])?;
        let test = Half::read(&files[2], &files[3])?;
        train.expect_classes_of(&test, &files[1])?;
        test.expect_classes_of(&train, &files[3])?;
        let classes: BTreeSet<i32> = train.labels.iter().chain(&test.labels).copied().collect();
        let classes: Vec<i32> = classes.into_iter().collect();
        if classes.len() > 256 {
            return Err(Error::Classes { path: files[1].clone(), found: classes.len() });
        }
        Ok(Dataset {
            train: train.split(&classes),
            test: test.split(&classes),
            class_names: classes.iter().map(ToString::to_string).collect(),
            source: source.into(),
        })
    }
}

/// The four files by their standard names.
pub(crate) const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The names under which a file may stand, in the order of preference.
pub(crate) fn names(file: &str) -> [String; 4] {
    let dot = file.replace("-idx", ".idx");
    [file.to_owned(), format!("{file}.gz"), dot.clone(), format!("{dot}.gz")]
}

/// What a folder holds of the four files.
pub(crate) enum Search {
    Files([PathBuf; 4]),
    /// Those that are not there, as positions in [`FILES`].
    Lacking(Vec<usize>),
}

/// A file that is one of the four, by its name.
struct Candidate {
    /// What its name has before `train` or `t10k`.
    prefix: String,
    /// Its position in [`FILES`].
    role: usize,
    /// The lower is taken first: a file under a standard name.
    rank: usize,
    /// The name without `.gz`, with hyphens and small letters only.
    stem: String,
    path: PathBuf,
}

/// Looks for the four files. Those under standard names need no choice; of others there must not
/// be two sets, or two files that may be meant.
pub(crate) fn find(folder: &Path, entries: &[Entry]) -> Result<Search, Error> {
    let mut sets: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for candidate in entries.iter().filter_map(candidate) {
        sets.entry(candidate.prefix.clone()).or_default().push(candidate);
    }
    let lacking = |set: &[Candidate]| -> Vec<usize> {
        (0..4).filter(|role| set.iter().all(|file| file.role != *role)).collect()
    };
    let complete: Vec<&Vec<Candidate>> =
        sets.values().filter(|set| lacking(set).is_empty()).collect();
    match &complete[..] {
        [] => Ok(Search::Lacking(
            sets.values().map(|set| lacking(set)).min_by_key(Vec::len).unwrap_or((0..4).collect()),
        )),
        // The set without a prefix is the first.
        [set, ..] if complete.len() == 1 || set[0].prefix.is_empty() => {
            let file = |role| choose(folder, set, role);
            Ok(Search::Files([file(0)?, file(1)?, file(2)?, file(3)?]))
        }
        several => Err(Error::Ambiguous {
            folder: folder.to_owned(),
            candidates: several.iter().map(|set| shown(&set[0].path)).collect(),
        }),
    }
}

/// The file of a set for one role.
fn choose(folder: &Path, set: &[Candidate], role: usize) -> Result<PathBuf, Error> {
    let mut files: Vec<&Candidate> = set.iter().filter(|file| file.role == role).collect();
    files.sort_by_key(|file| file.rank);
    let best = files[0];
    let other = files.iter().find(|file| file.rank == best.rank && file.stem != best.stem);
    match other {
        None => Ok(best.path.clone()),
        Some(other) => Err(Error::Ambiguous {
            folder: folder.to_owned(),
            candidates: [best, other].iter().map(|file| shown(&file.path)).collect(),
        }),
    }
}

fn candidate(entry: &Entry) -> Option<Candidate> {
    let (prefix, role, stem) = parse(&entry.name)?;
    let standard = names(FILES[role]).iter().position(|name| *name == entry.name);
    let (penalty, path) = match entry.kind {
        Kind::File => (0, entry.path.clone()),
        Kind::Folder => match inside(&entry.path, role) {
            Some(path) => (10, path),
            None => (20, entry.path.clone()),
        },
        Kind::Other => (20, entry.path.clone()),
    };
    // What cannot be read is kept for the message that reading it gives.
    Some(Candidate { prefix, role, rank: standard.unwrap_or(4) + penalty, stem, path })
}

/// The file of a role in a folder of its own.
fn inside(folder: &Path, role: usize) -> Option<PathBuf> {
    let entries = list(folder).unwrap_or_default();
    let of_role = |name: &str| parse(name).is_some_and(|(_, found, _)| found == role);
    let file = entries.into_iter().find(|entry| entry.kind == Kind::File && of_role(&entry.name));
    file.map(|entry| entry.path)
}

/// Prefix, position in [`FILES`] and plain form of a name, if it is one of the four: `train`,
/// `t10k` or `test`, then `images-idx3`, `labels-idx1` or `labels-idx2`, then `-ubyte`, `-int` or
/// nothing.
fn parse(name: &str) -> Option<(String, usize, String)> {
    let plain = name.to_lowercase();
    let plain = plain.strip_suffix(".gz").unwrap_or(&plain).replace(['.', '_', ' '], "-");
    let stem = plain.strip_suffix("-ubyte").or(plain.strip_suffix("-int")).unwrap_or(&plain);
    let (before, labels) = match stem.strip_suffix("-images-idx3") {
        Some(before) => (before, 0),
        None => (stem.strip_suffix("-labels-idx1").or(stem.strip_suffix("-labels-idx2"))?, 1),
    };
    let word = before.rsplit('-').next().unwrap_or_default();
    let test = match word {
        word if TRAIN.contains(&word) => 0,
        word if TEST.contains(&word) => 2,
        _ => return None,
    };
    Some((before[..before.len() - word.len()].to_owned(), test + labels, plain.clone()))
}

/// The message of a folder that lacks files, with those in it that may be meant; and whether
/// pictures and CSV files were looked for as well.
pub(crate) fn missing(
    folder: &Path,
    roles: Vec<usize>,
    entries: &[Entry],
    all_kinds: bool,
) -> Error {
    let alike = |entry: &&Entry| {
        let name = entry.name.to_lowercase();
        is_archive(&entry.path)
            || ["idx", "ubyte", "-images", "-labels", ".gz"].iter().any(|p| name.contains(p))
    };
    Error::Missing {
        folder: folder.to_owned(),
        names: roles.into_iter().map(|role| FILES[role]).collect(),
        found: entries.iter().filter(alike).map(|entry| entry.name.clone()).collect(),
        all_kinds,
    }
}

/// The last part of a path.
fn shown(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What one of the two files of a split holds.
#[derive(PartialEq)]
enum Holds {
    Images,
    Labels,
    Other(String),
}

fn holds(reader: &Reader<File>) -> Holds {
    match (reader.element_type(), reader.shape()) {
        (ElementType::U8, [_, _, _]) => Holds::Images,
        (ElementType::U8 | ElementType::I32, [_]) => Holds::Labels,
        (ElementType::I32, [_, QMNIST_COLUMNS]) => Holds::Labels,
        (ElementType::U8, shape) => Holds::Other(format!("an array of {} dimensions", shape.len())),
        (other, _) => Holds::Other(format!("elements of type {other}")),
    }
}

/// What QMNIST says of each image: the class, and who wrote it where and when.
const QMNIST_COLUMNS: usize = 8;

/// Checks that images to learn from and to evaluate on have one size, from the files' headers. Of two
/// sizes, 28 × 28 is the right one.
fn expect_one_size(train: &Path, test: &Path) -> Result<(), Error> {
    let [Ok(first), Ok(second)] = [train, test].map(open) else { return Ok(()) };
    if holds(&first) != Holds::Images || holds(&second) != Holds::Images {
        return Ok(());
    }
    let size = |reader: &Reader<File>| (reader.shape()[1], reader.shape()[2]);
    let sizes = [size(&first), size(&second)];
    if sizes[0] == sizes[1] || first.shape().contains(&0) || second.shape().contains(&0) {
        return Ok(());
    }
    let (path, wrong, expected, found) = match sizes[1] == (28, 28) {
        true => (train, first, sizes[1], sizes[0]),
        false => (test, second, sizes[0], sizes[1]),
    };
    // A header that does not fit the bytes behind it is to blame.
    read_through(wrong)?;
    Err(Error::ImageSize { path: path.to_owned(), expected, found })
}

/// Images with their labels, as they are in the files.
struct Half {
    images: Array3<u8>,
    labels: Vec<i32>,
}

impl Half {
    fn read(images_path: &Path, labels_path: &Path) -> Result<Half, Error> {
        // The shapes are looked at before the elements are read: a file of another kind may be large.
        let images = open(images_path)?;
        let labels = open(labels_path)?;
        expect_kinds((images_path, holds(&images)), (labels_path, holds(&labels)))?;
        if images.shape().contains(&0) || images.shape()[0] != labels.shape()[0] {
            return Err(shape_fault((images_path, images), (labels_path, labels)));
        }
        let columns = labels.shape()[1..].iter().product();
        let labels = match labels.element_type() {
            ElementType::U8 => labels.into_bytes()?.into_iter().map(i32::from).collect(),
            _ => labels.into_array::<i32>()?.into_iter().step_by(columns).collect(),
        };
        let images = images.into_array()?.into_dimensionality().expect("three dimensions");
        Ok(Half { images, labels })
    }

    /// Checks that labels which are none of digits occur in the other set, too: a single one is damage.
    fn expect_classes_of(&self, other: &Half, path: &Path) -> Result<(), Error> {
        let known: BTreeSet<&i32> = other.labels.iter().collect();
        let strange = |label: &i32| !(0..10).contains(label) && !known.contains(label);
        match self.labels.iter().position(strange) {
            None => Ok(()),
            Some(position) => {
                let (path, found) = (path.to_owned(), self.labels[position]);
                Err(Error::Label { path, position, found })
            }
        }
    }

    /// With the positions of the labels among the classes.
    fn split(self, classes: &[i32]) -> Split {
        let position = |label| classes.binary_search(label).expect("one of the classes") as u8;
        Split::of_classes(self.images, self.labels.iter().map(position).collect(), classes.len())
    }
}

fn open(path: &Path) -> Result<Reader<File>, Error> {
    if path.is_dir() {
        list(path)?;
        return Err(Error::Nested { path: path.to_owned() });
    }
    Ok(Reader::open(path)?)
}

/// Checks that both files hold bytes in as many dimensions as they should.
fn expect_kinds(images: (&Path, Holds), labels: (&Path, Holds)) -> Result<(), Error> {
    let exchanged = images.1 == Holds::Labels && labels.1 == Holds::Images;
    let content = |path: &Path, expected, holds| Error::Content {
        path: path.to_owned(),
        expected,
        found: match holds {
            Holds::Images => "an array of 3 dimensions".to_owned(),
            Holds::Labels => "an array of 1 dimensions".to_owned(),
            Holds::Other(found) => found,
        },
        exchanged,
    };
    if images.1 != Holds::Images {
        return Err(content(images.0, "images, [n, rows, columns]", images.1));
    }
    if labels.1 != Holds::Labels {
        return Err(content(labels.0, "labels, [n]", labels.1));
    }
    Ok(())
}

/// Why shapes do not fit: because a header is damaged, or because the files are others.
fn shape_fault(images: (&Path, Reader<File>), labels: (&Path, Reader<File>)) -> Error {
    let (images_path, images) = (images.0.to_owned(), images.1);
    let shape = images.shape().to_vec();
    // A header that does not fit the bytes behind it is to blame, whatever else differs.
    if let Err(error) = read_through(images) {
        return error;
    }
    if shape.contains(&0) {
        return Error::Empty { path: images_path };
    }
    let count = labels.1.shape()[0];
    let damaged = match labels.1.element_type() {
        ElementType::U8 => read_through(labels.1).is_err(),
        _ => labels.1.into_bytes().is_err(),
    };
    Error::Count { images: (images_path, shape[0]), labels: (labels.0.to_owned(), count), damaged }
}

/// Reads a file to its end, and keeps nothing.
fn read_through(reader: Reader<File>) -> Result<(), Error> {
    for item in reader.into_items::<u8>()? {
        item?;
    }
    Ok(())
}
