use std::borrow::Cow;

use longhand_tensor::Float;
use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::Error;
use crate::draw::draw_per_class;

/// Training and test digits, and where they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The digits to learn from.
    pub train: Split,
    /// The digits to be judged on.
    pub test: Split,
    /// Where they came from, for people: `embedded MNIST subset`, or the folder.
    pub source: Cow<'static, str>,
}

impl Dataset {
    /// `n` images of each digit from each split, drawn at random with a seed, in their original order.
    ///
    /// Which images are drawn depends on the seed and on the images, not on the order in which a source lists them.
    ///
    /// # Errors
    /// A split has fewer than `n` images of a digit.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// use longhand_mnist::Dataset;
    ///
    /// let few = Dataset::embedded().draw_per_class(3, 42)?;
    /// assert_eq!(few.train.per_class(), [3; 10]);
    ///
    /// let error = Dataset::embedded().draw_per_class(501, 42).unwrap_err();
    /// assert_eq!(error.to_string(), "cannot draw 501 training images of each digit: there are 500 of digit 0");
    /// # }
    /// # Ok::<(), longhand_mnist::Error>(())
    /// ```
    pub fn draw_per_class(&self, n: usize, seed: u64) -> Result<Dataset, Error> {
        Ok(Dataset {
            train: self.train.select(&draw_per_class(&self.train, "training", n, seed, 0)?),
            test: self.test.select(&draw_per_class(&self.test, "test", n, seed, 1)?),
            source: self.source.clone(),
        })
    }
}

/// Images with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    images: Array3<u8>,
    labels: Vec<u8>,
}

impl Split {
    /// Number of classes: the digits 0 to 9.
    pub const CLASSES: usize = 10;

    /// Images `[n, rows, columns]` and as many labels.
    ///
    /// # Panics
    /// There are not as many labels as images, or a label is above 9.
    ///
    /// ```
    /// use longhand_mnist::Split;
    /// use ndarray::Array3;
    ///
    /// let split = Split::new(Array3::zeros((2, 28, 28)), vec![3, 7]);
    /// assert_eq!(split.len(), 2);
    /// assert_eq!(split.labels(), [3, 7]);
    /// assert_eq!(split.image(1).dim(), (28, 28));
    /// ```
    #[track_caller]
    pub fn new(images: Array3<u8>, labels: Vec<u8>) -> Split {
        assert_eq!(images.len_of(Axis(0)), labels.len(), "Split: as many labels as images");
        assert!(
            labels.iter().all(|&l| usize::from(l) < Split::CLASSES),
            "Split: labels are 0 to 9"
        );
        Split { images: images.as_standard_layout().into_owned(), labels }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All images, `[n, rows, columns]`, 0 for paper and 255 for ink.
    pub fn images(&self) -> &Array3<u8> {
        &self.images
    }

    /// One image, `[rows, columns]`.
    ///
    /// # Panics
    /// There is no such image.
    pub fn image(&self, i: usize) -> ArrayView2<'_, u8> {
        self.images.index_axis(Axis(0), i)
    }

    /// The digits that the images show.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Number of images of each digit.
    pub fn per_class(&self) -> [usize; Split::CLASSES] {
        let mut count = [0; Split::CLASSES];
        for &label in &self.labels {
            count[usize::from(label)] += 1;
        }
        count
    }

    /// The images at these positions, in this order.
    ///
    /// # Panics
    /// A position is not below [`len`](Split::len).
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// # let digits = longhand_mnist::Dataset::embedded();
    /// let pair = digits.train.select(&[7, 0]);
    /// assert_eq!(pair.image(1), digits.train.image(0));
    /// # }
    /// ```
    pub fn select(&self, positions: &[usize]) -> Split {
        Split {
            images: self.images.select(Axis(0), positions),
            labels: positions.iter().map(|&i| self.labels[i]).collect(),
        }
    }

    /// Images as rows of numbers in `0..=1` (each pixel divided by 255), and labels as class indices.
    ///
    /// # Shapes
    /// `[positions.len(), rows · columns]` and `[positions.len()]`.
    ///
    /// # Panics
    /// A position is not below [`len`](Split::len).
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// # let digits = longhand_mnist::Dataset::embedded();
    /// let (x, labels) = digits.train.batch::<f64>(&[7, 0]);
    /// assert_eq!(x.dim(), (2, 784));
    /// assert_eq!(x[[1, 300]], f64::from(digits.train.image(0)[[300 / 28, 300 % 28]]) / 255.0);
    /// assert_eq!(labels[1], usize::from(digits.train.labels()[0]));
    /// # }
    /// ```
    pub fn batch<F: Float>(&self, positions: &[usize]) -> (Array2<F>, Vec<usize>) {
        let unit = |v: &u8| F::from(*v) / F::from(255);
        let (_, rows, columns) = self.images.dim();
        let features = rows * columns;
        let pixels = self.images.as_slice().expect("standard layout");
        let mut x = Vec::with_capacity(positions.len() * features);
        for &i in positions {
            x.extend(pixels[i * features..][..features].iter().map(unit));
        }
        let x = Array2::from_shape_vec((positions.len(), features), x).expect("whole images");
        (x, positions.iter().map(|&i| usize::from(self.labels[i])).collect())
    }
}
