//! Samples, batches and shuffles, with targets of any kind: class labels, numbers, or a type of
//! one's own.
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

mod data;
mod samples;
mod shuffle;

pub use data::{Batch, Data};
pub use samples::{Samples, Targets};
pub use shuffle::{generator, shuffle_first, shuffled};
