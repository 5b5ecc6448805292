//! What a classifier of images learned, as one HTML page that needs nothing else: [`Report`]; and what can be said of two of them on the
//! same images: [`statistics`].
//!
//! The page holds the curves of loss and accuracy, a confusion matrix whose cells show the images they count, the worst mistakes, the
//! first layer's weights as pictures, a calibration curve and a table for each class. It loads nothing from elsewhere, follows the reader's
//! light or dark scheme, prints, and says in words what its pictures show.
//!
//! The page's pictures can be had by themselves. Beside it there are [`Chart`], also in characters for a terminal, [`HeatMap`], for settings
//! that were tried, and [`Comparison`], the page of two models on the same images.
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
//!     losses: vec![Curve::new("train", vec![0.7, 0.4]), Curve::new("valid", vec![0.7, 0.5])],
//!     accuracies: vec![Curve::new("valid", vec![0.5, 0.67])],
//!     classes: vec!["round".to_owned(), "square".to_owned()],
//!     images: images.view(),
//!     labels: &[0, 1, 1],
//!     probabilities: probabilities.view(),
//!     weights: Some(Array2::zeros((4, 2)).view().into_owned()),
//! };
//! let page = report.html();
//! assert!(page.contains("66.7 % of 3 images"));
//! assert!(page.len() < 20_000);
//! ```

mod chart;
mod comparison;
mod heat;
mod page;
mod picture;
pub mod statistics;

pub use chart::{Chart, Curve, loss_svg};
pub use comparison::Comparison;
pub use heat::HeatMap;
pub use page::{Mistake, Report};
pub use picture::in_characters;
