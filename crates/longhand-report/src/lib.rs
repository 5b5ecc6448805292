//! What an image classifier learned, as one HTML page that needs no other file: [`Report`]. The
//! same for two classifiers on the same images: [`Comparison`]; for all runs in a folder: [`Runs`].
//! And [`statistics`] to compare them.
//!
//! The page of a run shows the curves of loss and accuracy, a pad on which one draws what the model
//! reads ([`Pad`]), the first layer's weights as pictures, a confusion matrix whose cells show the
//! images they count, the images of the highest losses, precision and recall for each class, and a
//! calibration curve. It loads nothing, follows the reader's light or dark scheme, can be printed and
//! used by keyboard, and describes its pictures in words.
//!
//! Each picture of the page is also available by itself. [`Chart`] draws curves, as SVG or in
//! characters for a terminal, and [`HeatMap`] shows the results of several settings.
//!
//! Nothing here knows a layer or a training loop: a report is made of arrays.
//!
//! ```
//! use longhand_report::{Curve, Report};
//! use ndarray::{Array2, Array3, array};
//!
//! let images = Array3::from_elem((3, 2, 2), 255);
//! let probabilities = array![[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]];
//! let report = Report {
//!     title: "Two shapes".to_owned(),
//!     settings: vec![("seed".to_owned(), "42".to_owned())],
//!     made: vec![],
//!     files: &[],
//!     losses: vec![Curve::new("train", vec![0.7, 0.4]).training(), Curve::new("valid", vec![0.7, 0.5])],
//!     accuracies: vec![Curve::new("valid", vec![0.5, 0.67])],
//!     classes: vec!["round".to_owned(), "square".to_owned()],
//!     images: Some(images.view()),
//!     labels: &[0, 1, 1],
//!     probabilities: probabilities.view(),
//!     weights: Some(Array2::zeros((4, 2))),
//!     hidden: false,
//!     active: None,
//!     pad: None,
//! };
//! let page = report.html();
//! assert!(page.contains("66.7 % on 3 images"));
//! assert!(page.len() < 60_000);
//! ```

mod chart;
mod comparison;
mod heat;
mod numbers;
mod pad;
mod page;
mod picture;
mod predictions;
mod runs;
pub mod statistics;
pub mod web;

pub use chart::{Chart, Curve, Mark, loss_svg, squared_loss_svg};
pub use comparison::Comparison;
pub use heat::HeatMap;
pub use numbers::NumbersReport;
pub use pad::Pad;
pub use page::{Mistake, Report};
pub use picture::in_characters;
pub use runs::{RunSummary, Runs};

/// The program of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
