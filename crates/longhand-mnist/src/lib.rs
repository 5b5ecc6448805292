//! The MNIST digits: 28 × 28 grey images of handwritten digits, in u8, with their labels; and data
//! sets of other pictures in the same format.
//!
//! | source | feature |
//! |---|---|
//! | [`Dataset::open`]: any of the folders and files below, found by what they are | |
//! | `Dataset::embedded`: 500 training and 500 test images of each digit | `embedded` (default) |
//! | [`Dataset::from_idx_folder`]: the four published files, plain or gzip | |
//! | `Dataset::from_png_folder`: pictures in one folder for each digit | `png` |
//! | `Picture::read`: one picture of any size, to be read as a digit | `png` |
//! | `Dataset::from_csv`: `mnist_train.csv` and `mnist_test.csv` | `csv` |
//! | `Download`: MNIST, Fashion-MNIST or Kuzushiji-MNIST by name, checked and kept | `download` |
//! | `Download` from a host that sends on to HTTPS | `https` |
//!
//! Whatever the source, images can be drawn, split, shuffled and gathered into batches, and the
//! same seed gives the same images in the same order in every version of every dependency.
//!
//! ```
//! # #[cfg(feature = "embedded")] {
//! use longhand_mnist::Dataset;
//! use longhand_data::{Batch, Data, shuffled};
//!
//! let digits = Dataset::embedded();
//! assert_eq!((digits.train.len(), digits.test.len()), (5000, 5000));
//! assert_eq!(digits.train.per_class(), [500; 10]);
//!
//! let order = shuffled(digits.train.len(), 42, 1); // seed 42, epoch 1
//! for rows in order.chunks(16) {
//!     let Batch { x, targets: labels } = Data::<f32>::batch(&digits.train, rows); // pixels in 0..1
//!     assert_eq!(x.dim(), (labels.len(), 784));
//! }
//! # }
//! ```
//!
//! # The data's licence
//! The digits are copyright Yann LeCun and Corinna Cortes, under [CC BY-SA
//! 3.0](https://creativecommons.org/licenses/by-sa/3.0/); the code of this crate is MIT OR
//! Apache-2.0. With `default-features = false` the digits are left out.

mod augment;
mod csv_files;
mod dataset;
#[cfg(feature = "download")]
mod download;
mod draw;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod folder;
#[cfg(feature = "download")]
mod http;
mod idx_folder;
#[cfg(feature = "download")]
mod name;
mod open;
#[cfg(feature = "png")]
mod picture;
#[cfg(feature = "png")]
mod png_folder;
#[cfg(feature = "download")]
mod proxy;
mod splits;

pub use dataset::{Dataset, Split};
#[cfg(feature = "download")]
pub use download::{Download, Progress};
pub use error::Error;
#[cfg(feature = "download")]
pub use name::Name;
pub use ndarray;
#[cfg(feature = "png")]
pub use picture::{Picture, is_centred};
#[cfg(feature = "download")]
pub use proxy::Proxies;
pub use rand;

/// The program of the README compiles and runs.
#[cfg(all(doctest, feature = "embedded"))]
#[doc = include_str!("../README.md")]
struct Readme;
