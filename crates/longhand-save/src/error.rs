use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use longhand_idx::escaped;

/// Why a file could not be written or read. The message names the file, what was expected, what was
/// found, and what to do.
#[derive(Debug)]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system refused to read or write it.
    Io(io::Error),
    /// It is no safetensors file, or a damaged one.
    Format(String),
    /// A tensor is missing, or not what the model has in its place.
    Tensor {
        /// Its name in the file.
        name: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The tensors are sound, but the file does not say which layers they are of: one that PyTorch has
    /// written, for instance.
    Undescribed,
    /// The tensors are sound, but not of what was to be read.
    Content(String),
}

impl Error {
    /// Whether the file has sound tensors, and does not say which layers they are of.
    pub fn is_undescribed(&self) -> bool {
        matches!(self.kind, ErrorKind::Undescribed)
    }

    pub(crate) fn io(path: &Path, error: io::Error) -> Error {
        ErrorKind::Io(error).at(path)
    }
}

impl ErrorKind {
    pub(crate) fn at(self, path: &Path) -> Error {
        Error { path: path.to_owned(), kind: self }
    }

    pub(crate) fn tensor(name: &str, reason: impl Into<String>) -> ErrorKind {
        ErrorKind::Tensor { name: shown(name), reason: reason.into() }
    }
}

/// A name from a file as a message can show it: without control characters, and not of any length.
pub(crate) fn shown(name: &str) -> String {
    const LONGEST: usize = 60;
    let mut text: String = escaped(name).chars().take(LONGEST).collect();
    if name.chars().count() > LONGEST {
        text.push('…');
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", escaped(&self.path), self.kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "expected a file, found none ({error})")
            }
            ErrorKind::Io(error) => error.fmt(f),
            ErrorKind::Format(reason) => {
                write!(f, "expected a safetensors file, found {reason}; get the file again")
            }
            ErrorKind::Tensor { name, reason } => write!(f, "tensor {name}: {reason}"),
            ErrorKind::Undescribed => f.write_str(
                "expected a model that longhand has saved, found tensors without their layers; read them into a net of \
                 your own by `load_into`",
            ),
            ErrorKind::Content(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
