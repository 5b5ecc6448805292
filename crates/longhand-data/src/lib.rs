//! Samples, batches and shuffles, with targets of any kind: class labels, numbers, or a type of
//! one's own. With the feature `csv`, tables are read from CSV files (`Table::read_csv`); with
//! `npy`, arrays from NumPy's files (`read_npy`, `read_npz`).
//!
//! ```
//! use longhand_data::{Data, Samples, shuffled};
//! use ndarray::array;
//!
//! let samples = Samples::new(array![[1., 2.], [3., 4.], [5., 6.]], vec![0, 1, 1]); // class labels
//! for positions in shuffled(samples.len(), 42, 1).chunks(2) {
//!     let batch = samples.batch(positions);
//!     assert_eq!(batch.x.dim(), (batch.targets.len(), 2));
//! }
//!
//! let numbers = Samples::new(array![[1.], [2.]], array![[1.], [4.]]); // numbers: x² for each x
//! assert_eq!(numbers.batch(&[1]).targets, array![[4.]]);
//! ```

#[cfg(feature = "csv")]
mod csv_table;
mod data;
#[cfg(feature = "npy")]
mod npy;
mod samples;
mod shuffle;
mod table;

#[cfg(feature = "csv")]
pub use csv_table::csv_width;
pub use data::{Batch, Data};
#[cfg(feature = "npy")]
pub use npy::{NpyArray, npz_names, read_npy, read_npz};
pub use samples::{Samples, Targets};
pub use shuffle::{generator, shuffle_first, shuffled};
pub use table::{Predict, Standard, Table, TableError, Target};

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
