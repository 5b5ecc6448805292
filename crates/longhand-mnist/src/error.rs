use std::fmt;
use std::path::PathBuf;

/// Why digits could not be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read as IDX.
    Idx(longhand_idx::Error),
    /// The folder does not exist, is a file, or cannot be listed.
    Folder {
        /// The folder asked for.
        folder: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// The folder lacks some of the four files.
    Missing {
        /// The folder.
        folder: PathBuf,
        /// For each file that is missing, the names that were looked for, any of which would have served.
        names: Vec<Vec<String>>,
    },
    /// A file is sound IDX, and holds something else than the digits.
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// The images have another size than 28 × 28.
    ImageSize {
        /// The file.
        path: PathBuf,
        /// Rows and columns found.
        found: (usize, usize),
    },
    /// There are not as many labels as images.
    Count {
        /// The file of images, and how many it holds.
        images: (PathBuf, usize),
        /// The file of labels, and how many it holds.
        labels: (PathBuf, usize),
    },
    /// A label is above 9.
    Label {
        /// The file.
        path: PathBuf,
        /// The position of the label, from 0.
        position: usize,
        /// The label.
        found: u8,
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
    /// More images of each digit were asked for than a digit has.
    PerClass {
        /// `training` or `test`.
        split: &'static str,
        /// The first digit that has too few.
        digit: usize,
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
                "{}: expected a folder with the four MNIST files (train-images-idx3-ubyte and so on), found {reason}; name \
                 the folder that holds them",
                folder.display()
            ),
            Error::Missing { folder, names } => write!(
                f,
                "{}: expected the four MNIST files, found none of {}; place them there under any of these names",
                folder.display(),
                names.iter().map(|names| names.join(" or ")).collect::<Vec<_>>().join("; none of ")
            ),
            Error::Content { path, expected, found } => write!(
                f,
                "{}: expected {expected}, of type u8, found {found}; are two files exchanged?",
                path.display()
            ),
            Error::ImageSize { path, found } => write!(
                f,
                "{}: expected images of 28 × 28 pixels, found {} × {}; use a data set of MNIST's format",
                path.display(),
                found.0,
                found.1
            ),
            Error::Count { images, labels } => write!(
                f,
                "{}: expected {} labels, one for each image of {}, found {}; the two files are not of one set",
                labels.0.display(),
                images.1,
                images.0.display(),
                labels.1
            ),
            Error::Label { path, position, found } => write!(
                f,
                "{}: expected labels of 0 to 9, found {found} at position {position}; the file is damaged or of another set",
                path.display()
            ),
            Error::Empty { path } => write!(
                f,
                "{}: expected at least one image, found none; get the file again",
                path.display()
            ),
            Error::Picture { path, reason } => write!(f, "{}: {reason}", path.display()),
            Error::Cache { folder, error } => write!(
                f,
                "{}: expected a folder for downloaded files that can be written, found {error}; set LONGHAND_CACHE to another",
                folder.display()
            ),
            Error::Name { found } => {
                write!(f, "expected mnist, fashion-mnist or kmnist, found `{found}`")
            }
            Error::Download { file, folder, missing, attempts } => {
                write!(f, "cannot download {file}; tried")?;
                for (address, reason) in attempts {
                    write!(f, "\n  {address}: {reason}")?;
                }
                let missing = missing.join(", ");
                write!(f, "\nGet {missing} elsewhere and place them in {}", folder.display())
            }
            Error::PerClass { split, digit, asked, available } => write!(
                f,
                "cannot draw {asked} {split} images of each digit: there are {available} of digit {digit}"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Idx(error) => error.source(),
            Error::Cache { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<longhand_idx::Error> for Error {
    fn from(error: longhand_idx::Error) -> Error {
        Error::Idx(error)
    }
}
