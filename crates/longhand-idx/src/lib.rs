//! The IDX file format, in which MNIST and its relatives are published: bytes to [`ndarray`] arrays
//! and back.
//!
//! An IDX file is a header and then the elements, all big-endian, last dimension fastest:
//!
//! ```text
//! 00 00            two zero bytes
//! 08               element type: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64
//! 03               number of dimensions
//! 00 00 EA 60      size of the first dimension (60000), then one such u32 for each further one
//! ```
//!
//! (Source: Y. LeCun, C. Cortes, C. Burges, *The MNIST database*, section "The IDX file format".)
//!
//! [`read`] takes a path, plain or gzip (told apart by the first bytes, not by the name), and
//! returns an array:
//!
//! ```
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("labels-idx1-ubyte");
//! use longhand_idx::ndarray::{Array1, array};
//!
//! longhand_idx::write(&path, &array![5u8, 0, 4])?; // as gzip, if the name ended in .gz
//! let labels: Array1<u8> = longhand_idx::read(&path)?;
//! assert_eq!(labels, array![5, 0, 4]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Reader`] gives the header first, takes any [`std::io::Read`], and can give the elements item
//! by item. [`write_to`] writes what was read back to the same bytes.
//!
//! # Files that are not what they claim
//! Nothing is allocated on the word of a header: memory grows with the bytes that arrive, and stops
//! where the header says. A file that is too short or too long, damaged, of an unknown type or no
//! IDX file at all gives an [`Error`] that names the file, the position, what was expected and what
//! was found. A pipe, a socket or a device is refused before it is opened ([`open_file`]). Names of
//! files are shown with control characters escaped ([`escaped`]). Reading never panics, which is
//! fuzzed:
//!
//! ```text
//! cd crates/longhand-idx/fuzz
//! cargo +nightly fuzz run read corpus/read -- -max_total_time=600
//! ```

mod element;
mod error;
mod file;
#[cfg(feature = "gzip")]
mod gzip;
mod reader;
mod writer;

pub use element::{Element, ElementType};
pub use error::{Error, ErrorKind};
pub use file::{escaped, open_file};
pub use ndarray;
pub use reader::{Items, Reader, read};
#[cfg(feature = "gzip")]
pub use writer::write_gzip_to;
pub use writer::{write, write_to};

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
