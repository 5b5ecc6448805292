use std::fmt;
use std::path::PathBuf;

use longhand_idx::escaped;

/// Why digits could not be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read as IDX.
    Idx(longhand_idx::Error),
    /// There is no such folder, or it is a file.
    Folder {
        /// The folder asked for.
        folder: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// A folder cannot be listed, or its files cannot be reached.
    Access {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The folder lacks some of the four files.
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The standard names of those that are missing.
        names: Vec<&'static str>,
        /// Names in the folder that look alike.
        found: Vec<String>,
        /// Whether there are neither pictures nor CSV files either.
        all_kinds: bool,
    },
    /// More than one data set may be meant.
    Ambiguous {
        /// The folder.
        folder: PathBuf,
        /// What may be meant.
        candidates: Vec<String>,
    },
    /// In place of a file there is a folder of its name, without the file.
    Nested {
        /// The folder.
        path: PathBuf,
    },
    /// A file is sound IDX, and holds something else than the digits.
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
        /// Whether the images are in the file of the labels, and the labels in that of the images.
        exchanged: bool,
    },
    /// The images have another size than the others of the set.
    ImageSize {
        /// The file.
        path: PathBuf,
        /// Rows and columns expected.
        expected: (usize, usize),
        /// Rows and columns found.
        found: (usize, usize),
    },
    /// There are not as many labels as images.
    Count {
        /// The file of images, and how many it holds.
        images: (PathBuf, usize),
        /// The file of labels, and how many it holds.
        labels: (PathBuf, usize),
        /// Whether the file of labels holds another number than its header says.
        damaged: bool,
    },
    /// The labels are of more classes than there may be.
    Classes {
        /// The file.
        path: PathBuf,
        /// How many they are of.
        found: usize,
    },
    /// A label is above 9, and occurs in one of the two sets only.
    Label {
        /// The file.
        path: PathBuf,
        /// The position of the label, from 0.
        position: usize,
        /// The label.
        found: i32,
    },
    /// A split holds no image.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A picture, or a folder of pictures, cannot be used.
    Picture {
        /// The file or folder.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// A CSV file cannot be used.
    Csv {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<u64>,
        /// The column, from 1.
        column: Option<usize>,
        /// What was expected and what was found.
        reason: String,
    },
    /// The folder for downloaded files cannot be used.
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no data set of this name.
    Name {
        /// The name.
        found: String,
    },
    /// No mirror had a sound copy of a file.
    Download {
        /// The file.
        file: String,
        /// Where it should have been put.
        folder: PathBuf,
        /// All of the four files that are not there.
        missing: Vec<String>,
        /// The addresses that were tried, and what came of it.
        attempts: Vec<(String, String)>,
    },
    /// More images of each class were asked for than a class has.
    PerClass {
        /// `training` or `test`.
        split: &'static str,
        /// `digit` or `class`.
        what: &'static str,
        /// The first class that has too few.
        class: String,
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        available: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Idx(error) => error.fmt(f),
            Error::Folder { folder, reason } => write!(
                f,
                "{}: expected a folder with the four MNIST files (train-images-idx3-ubyte and so on), with pictures or with \
                 CSV files, found {}; name the folder that holds them",
                escaped(folder),
                escaped(reason)
            ),
            Error::Access { path, error } => write!(
                f,
                "{}: expected a folder whose files can be read, found {error}; change its permissions, or name another",
                escaped(path)
            ),
            Error::Missing { folder, names, found, all_kinds } => {
                write!(
                    f,
                    "{}: place {} there, each also with .gz, or a dot before idx; found {}",
                    escaped(folder),
                    and(names),
                    if found.is_empty() { "none of them".to_owned() } else { and(found) }
                )?;
                match all_kinds {
                    true => {
                        write!(f, ", no pictures in training/ and testing/, and no mnist_train.csv")
                    }
                    false => Ok(()),
                }
            }
            Error::Ambiguous { folder, candidates } => write!(
                f,
                "{}: expected one data set, found {}; leave one of them there, or name its own folder",
                escaped(folder),
                and(candidates)
            ),
            Error::Nested { path } => write!(
                f,
                "{}: expected a file, found a folder without a file of that name; place the file there",
                escaped(path)
            ),
            Error::Content { path, expected, found, exchanged } => write!(
                f,
                "{}: expected {expected}, of type u8, found {found}; {}",
                escaped(path),
                match exchanged {
                    true => "are two files exchanged?",
                    false => "this is another file than the one meant, get it again",
                }
            ),
            Error::ImageSize { path, expected, found } => write!(
                f,
                "{}: expected images of {} × {} pixels, found {} × {}; the files are not of one set",
                escaped(path),
                expected.0,
                expected.1,
                found.0,
                found.1
            ),
            Error::Classes { path, found } => write!(
                f,
                "{}: expected labels of at most 256 classes, found {found}; the file is damaged or of another kind",
                escaped(path)
            ),
            Error::Count { images, labels, damaged } => write!(
                f,
                "{}: expected {} labels, one for each image of {}, found {}; {}",
                escaped(&labels.0),
                images.1,
                escaped(&images.0),
                labels.1,
                match damaged {
                    true => "the file of labels is damaged, get it again",
                    false => "the two files are not of one set",
                }
            ),
            Error::Label { path, position, found } => write!(
                f,
                "{}: expected labels of 0 to 9, or of classes that both sets have, found {found} at position {position}; the file is damaged \
                 or of another set",
                escaped(path)
            ),
            Error::Empty { path } => write!(
                f,
                "{}: expected at least one image, found none; get the file again",
                escaped(path)
            ),
            Error::Picture { path, reason } => write!(f, "{}: {}", escaped(path), escaped(reason)),
            Error::Csv { path, line, column, reason } => {
                write!(f, "{}: ", escaped(path))?;
                match (line, column) {
                    (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
                    (Some(line), None) => write!(f, "line {line}: ")?,
                    _ => {}
                }
                write!(f, "{}", escaped(reason))
            }
            Error::Cache { folder, error } => write!(
                f,
                "{}: expected a folder for downloaded files that can be written, found {error}; set LONGHAND_CACHE to another",
                escaped(folder)
            ),
            Error::Name { found } => {
                write!(f, "expected mnist, fashion-mnist or kmnist, found `{}`", escaped(found))
            }
            Error::Download { file, folder, missing, attempts } => {
                write!(f, "cannot download {file}; tried")?;
                for (address, reason) in attempts {
                    write!(f, "\n  {}: {}", escaped(address), escaped(reason))?;
                }
                let missing = missing.join(", ");
                write!(f, "\nGet {missing} elsewhere and place them in {}", escaped(folder))
            }
            Error::PerClass { split, what, class, asked, available } => write!(
                f,
                "cannot draw {asked} {split} images of each {what}: there are {available} of {what} {}",
                escaped(class)
            ),
        }
    }
}

/// Names in a sentence; of many, the first.
fn and(names: &[impl AsRef<std::ffi::OsStr>]) -> String {
    let mut shown: Vec<String> = names.iter().take(4).map(escaped).collect();
    if names.len() > 4 {
        shown.push(format!("{} more", names.len() - 4));
    }
    match shown.pop() {
        Some(last) if shown.is_empty() => last,
        Some(last) => format!("{} and {last}", shown.join(", ")),
        None => String::new(),
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Idx(error) => error.source(),
            Error::Access { error, .. } | Error::Cache { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<longhand_idx::Error> for Error {
    fn from(error: longhand_idx::Error) -> Error {
        Error::Idx(error)
    }
}
