use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::{ElementType, escaped};

/// What went wrong with an IDX file, and with which file.
///
/// ```
/// let error = longhand_idx::Reader::new(&b"\x00\x00\x07\x01\x00\x00\x00\x05"[..]).err().unwrap();
/// assert_eq!(
///     error.to_string(),
///     "byte 2: expected an element type of 08, 09, 0B, 0C, 0D or 0E, found 07; \
///      this is not an IDX file, get it again",
/// );
/// ```
#[derive(Debug)]
pub struct Error {
    path: Option<PathBuf>,
    kind: Box<ErrorKind>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Error {
        Error { path: None, kind: Box::new(kind) }
    }

    pub(crate) fn at(self, path: &Path) -> Error {
        Error { path: Some(path.to_owned()), ..self }
    }

    /// The file, where it was read from or written to a path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

/// What went wrong. Positions count bytes from 0 in the decompressed stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be opened, read or written.
    Io(io::Error),
    /// The file is gzip and is damaged or ends early.
    Gzip {
        /// Decompressed bytes that could be read before the fault.
        position: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// What the gzip file holds is gzip again.
    NestedGzip,
    /// The file is gzip, and the crate was built without its `gzip` feature.
    GzipDisabled,
    /// The first two bytes are not zero.
    Magic {
        /// The bytes that were there.
        found: [u8; 2],
    },
    /// The third byte is not the code of an element type.
    ElementCode {
        /// The byte that was there.
        found: u8,
    },
    /// The file ends inside its header.
    Header {
        /// Bytes that the header should have, as far as it was readable.
        expected: u64,
        /// Bytes that were there.
        found: u64,
    },
    /// The elements hold more bytes than this machine can address.
    TooLarge {
        /// The sizes the header gives.
        shape: Vec<usize>,
    },
    /// The file ends before its last element.
    Truncated {
        /// The sizes the header gives.
        shape: Vec<usize>,
        /// Bytes of the whole file that the header announces.
        expected: u64,
        /// Bytes that were there.
        found: u64,
    },
    /// The file goes on after its last element.
    Trailing {
        /// The sizes the header gives.
        shape: Vec<usize>,
        /// Bytes of the whole file that the header announces.
        expected: u64,
        /// Bytes that follow; or, where `at_least`, those that were counted.
        more: u64,
        /// Whether counting stopped before the end.
        at_least: bool,
    },
    /// The file holds another element type than the caller asked for.
    Type {
        /// The type asked for.
        expected: ElementType,
        /// The type in the file.
        found: ElementType,
    },
    /// The file holds another number of dimensions than the caller asked for.
    Dimensions {
        /// The number asked for.
        expected: usize,
        /// The sizes in the file.
        found: Vec<usize>,
    },
    /// An array with more than 255 dimensions, or a dimension above `u32::MAX`, cannot be written.
    Unwritable {
        /// The array's sizes.
        shape: Vec<usize>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", escaped(path))?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = |shape: &[usize]| {
            let shown: Vec<_> = shape.iter().take(8).map(ToString::to_string).collect();
            let rest = if shape.len() > 8 { ", .." } else { "" };
            format!("[{}{rest}]", shown.join(", "))
        };
        match self {
            ErrorKind::Io(source) if source.kind() == io::ErrorKind::IsADirectory => {
                write!(f, "expected an IDX file, found a folder; name a file inside it")
            }
            ErrorKind::Io(source) => write!(f, "{source}"),
            ErrorKind::Gzip { position, source }
                if source.kind() == io::ErrorKind::UnexpectedEof =>
            {
                write!(
                    f,
                    "the gzip stream ends early, after {position} decompressed bytes; the file is incomplete, get it again"
                )
            }
            ErrorKind::Gzip { position, source } => write!(
                f,
                "the gzip stream is damaged after {position} decompressed bytes ({source}); get the file again"
            ),
            ErrorKind::NestedGzip => {
                write!(f, "expected IDX inside gzip, found gzip inside gzip; decompress it once")
            }
            ErrorKind::GzipDisabled => write!(
                f,
                "expected a plain file, found gzip; use a plain one, or build longhand-idx with its `gzip` feature"
            ),
            ErrorKind::Magic { found: [a, b] } => write!(
                f,
                "byte 0: expected the bytes 00 00 that begin an IDX file, found {a:02X} {b:02X}; this is not an IDX file, get it again"
            ),
            ErrorKind::ElementCode { found } => write!(
                f,
                "byte 2: expected an element type of 08, 09, 0B, 0C, 0D or 0E, found {found:02X}; this is not an IDX file, get it again"
            ),
            ErrorKind::Header { expected, found } => write!(
                f,
                "expected a header of {expected} bytes, found {found}; the file is incomplete, get it again"
            ),
            ErrorKind::TooLarge { shape } => write!(
                f,
                "byte 4: expected sizes that this machine can address together, found {}; the header is damaged, get the file again",
                sizes(shape)
            ),
            ErrorKind::Truncated { shape, expected, found } => write!(
                f,
                "expected {expected} bytes for the shape {}, found {found}; the file is incomplete, get it again",
                sizes(shape)
            ),
            ErrorKind::Trailing { shape, expected, more, at_least } => write!(
                f,
                "expected {expected} bytes for the shape {}, found more ({}{more} more {}); the header is damaged or something \
                 was appended, get the file again",
                sizes(shape),
                if *at_least { "at least " } else { "" },
                if *more == 1 { "byte" } else { "bytes" }
            ),
            ErrorKind::Type { expected, found } => {
                write!(
                    f,
                    "expected elements of type {expected}, found {found}; this is another file than the one meant, or read it as {found}"
                )
            }
            ErrorKind::Dimensions { expected, found } => write!(
                f,
                "expected {expected} dimensions, found {}, of shape {}; this is another file than the one meant, or read it into an \
                 array of {} dimensions",
                found.len(),
                sizes(found),
                found.len()
            ),
            ErrorKind::Unwritable { shape } => write!(
                f,
                "IDX holds at most 255 dimensions of at most {} elements each, found the shape {}; split the array",
                u32::MAX,
                sizes(shape)
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::Io(source) | ErrorKind::Gzip { source, .. } => Some(source),
            _ => None,
        }
    }
}
