use std::borrow::Cow;

use longhand_data::{Batch, Data};
use longhand_tensor::{Float, from_bytes, in_parts, prefetch, recycle, unspecified_at_line};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rand::rngs::Xoshiro256PlusPlus;

use crate::Error;
use crate::draw::{draw_per_class, image_generator};

/// Training and test digits, and where they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The digits to learn from.
    pub train: Split,
    /// The digits to evaluate on.
    pub test: Split,
    /// What each class shows, by label: `0` to `9` for digits.
    pub class_names: Vec<String>,
    /// Where they came from, for people: `embedded MNIST subset`, or the folder.
    pub source: Cow<'static, str>,
}

/// Number of classes of handwritten digits.
pub(crate) const DIGITS: usize = 10;

/// The class names of handwritten digits.
pub(crate) fn digit_names() -> Vec<String> {
    (0..DIGITS).map(|digit| digit.to_string()).collect()
}

impl Dataset {
    /// `n` images of each class from each split, drawn at random with a seed, in their original
    /// order.
    ///
    /// Which images are drawn depends on the seed and on the images, not on the order in which a
    /// source lists them.
    ///
    /// # Errors
    /// A split has fewer than `n` images of a class.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// use longhand_mnist::Dataset;
    ///
    /// let few = Dataset::embedded().draw_per_class(3, 42)?;
    /// assert_eq!(few.train.per_class(), [3; 10]); // of ten classes
    ///
    /// let error = Dataset::embedded().draw_per_class(501, 42).unwrap_err();
    /// let expected = "cannot draw 501 training images of each digit: there are 500 of digit 0";
    /// assert_eq!(error.to_string(), expected);
    /// # }
    /// # Ok::<(), longhand_mnist::Error>(())
    /// ```
    pub fn draw_per_class(&self, n: usize, seed: u64) -> Result<Dataset, Error> {
        Ok(Dataset {
            train: self.train.select(&draw_per_class(self, &self.train, "training", n, seed, 0)?),
            test: self.test.select(&draw_per_class(self, &self.test, "test", n, seed, 1)?),
            class_names: self.class_names.clone(),
            source: self.source.clone(),
        })
    }

    /// The same data with `n` training images of each class, drawn at random with a seed, in place
    /// of the test images: a validation set to choose settings by, so that the test set is left for
    /// the end.
    ///
    /// # Errors
    /// A class has fewer than `n` training images.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// use longhand_mnist::Dataset;
    ///
    /// let digits = Dataset::embedded().with_validation(100, 42)?;
    /// assert_eq!(digits.train.per_class(), [400; 10]);
    /// assert_eq!(digits.test.per_class(), [100; 10]);
    /// # }
    /// # Ok::<(), longhand_mnist::Error>(())
    /// ```
    pub fn with_validation(&self, n: usize, seed: u64) -> Result<Dataset, Error> {
        let held_out = draw_per_class(self, &self.train, "training", n, seed, 2)?;
        let rest: Vec<usize> =
            (0..self.train.len()).filter(|i| held_out.binary_search(i).is_err()).collect();
        Ok(Dataset {
            train: self.train.select(&rest),
            test: self.train.select(&held_out),
            class_names: self.class_names.clone(),
            source: format!("{}, {n} training images of each class for validation", self.source)
                .into(),
        })
    }
}

/// Images with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    images: Array3<u8>,
    labels: Vec<u8>,
    classes: usize,
}

impl Split {
    /// Images of digits, `[n, rows, columns]`, and as many labels.
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
        Split::of_classes(images, labels, DIGITS)
    }

    /// Images of so many classes.
    ///
    /// # Panics
    /// There are not as many labels as images, or a label is not below the number of classes.
    #[track_caller]
    pub fn of_classes(images: Array3<u8>, labels: Vec<u8>, classes: usize) -> Split {
        assert_eq!(images.len_of(Axis(0)), labels.len(), "Split: as many labels as images");
        assert!(
            labels.iter().all(|&l| usize::from(l) < classes),
            "Split: labels are below the number of classes, {classes}"
        );
        let images = match images.is_standard_layout() {
            true => images,
            false => images.as_standard_layout().into_owned(),
        };
        Split { images, labels, classes }
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

    /// The classes that the images show.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Number of classes, whether there are images of each or not.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images of each class.
    pub fn per_class(&self) -> Vec<usize> {
        let mut count = vec![0; self.classes];
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
            classes: self.classes,
        }
    }

    /// As [`Data::batch_into`], with every image changed on its way: shifted, turned, made noisy.
    ///
    /// `augment` is given a copy of the image and a generator of its own, which follows from the
    /// seed, the epoch and the image's position: the same image is changed in the same way whatever
    /// batch it is in.
    ///
    /// # Panics
    /// A position is not below [`len`](Split::len).
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// # let digits = longhand_mnist::Dataset::embedded();
    /// use longhand_data::Batch;
    /// use longhand_mnist::rand::Rng;
    ///
    /// let mut batch = Batch::<f32, _>::default();
    /// let (seed, epoch) = (42, 1);
    /// digits.train.augmented_batch_into(&[0, 1], (seed, epoch), &mut batch, |image, rng| {
    ///     if rng.next_u64() & 1 == 1 {
    ///         image.mapv_inplace(|pixel| 255 - pixel); // ink on paper, or paper on ink
    ///     }
    /// });
    /// # }
    /// ```
    pub fn augmented_batch_into<F: Float>(
        &self,
        positions: &[usize],
        (seed, epoch): (u64, u64),
        batch: &mut Batch<F, Vec<usize>>,
        mut augment: impl FnMut(&mut Array2<u8>, &mut Xoshiro256PlusPlus),
    ) {
        let mut image = Array2::zeros((0, 0));
        let pixels = self.prepare(positions, batch);
        let rows = pixels.chunks_exact_mut(self.features().max(1));
        for (&i, row) in positions.iter().zip(rows) {
            image.clone_from(&self.image(i).to_owned());
            augment(&mut image, &mut image_generator(seed, epoch, i as u64));
            assert_eq!(image.len(), row.len(), "an augmented image keeps its size");
            from_bytes(image.as_standard_layout().as_slice().expect("standard layout"), row);
        }
    }

    /// Gives a batch its labels, and its size; returns its pixels, which are to be written.
    fn prepare<'a, F: Float>(
        &self,
        positions: &[usize],
        batch: &'a mut Batch<F, Vec<usize>>,
    ) -> &'a mut [F] {
        batch.targets.clear();
        batch.targets.extend(positions.iter().map(|&i| usize::from(self.labels[i])));
        recycle(std::mem::take(&mut batch.x));
        batch.x = unspecified_at_line(positions.len(), self.features());
        batch.x.as_slice_mut().expect("standard layout")
    }

    /// Number of pixels of an image.
    pub fn features(&self) -> usize {
        let (_, rows, columns) = self.images.dim();
        rows * columns
    }
}

/// Images as rows of `rows · columns` numbers in `0..=1` (each pixel divided by 255), and labels as
/// class indices. The rows begin where a cache line does, not where their memory does.
///
/// # Panics
/// A position is not below [`len`](Split::len).
///
/// ```
/// # #[cfg(feature = "embedded")] {
/// # let digits = longhand_mnist::Dataset::embedded();
/// use longhand_data::{Batch, Data};
///
/// let batch: Batch<f64, Vec<usize>> = digits.train.batch(&[7, 0]);
/// assert_eq!(batch.x.dim(), (2, 784));
/// assert_eq!(batch.x[[1, 300]], f64::from(digits.train.image(0)[[300 / 28, 300 % 28]]) / 255.0);
/// assert_eq!(batch.targets[1], usize::from(digits.train.labels()[0]));
/// # }
/// ```
impl<F: Float> Data<F> for Split {
    type Targets = Vec<usize>;

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn batch_into(&self, positions: &[usize], batch: &mut Batch<F, Vec<usize>>) {
        let features = self.features();
        let pixels = self.images.as_slice().expect("standard layout");
        let image = |i| &pixels[i * features..][..features];
        in_parts(self.prepare(positions, batch), features.max(1), |at, rows| {
            let positions = &positions[at / features.max(1)..];
            for &first in positions.iter().take(4) {
                prefetch(image(first));
            }
            for (i, row) in rows.chunks_exact_mut(features.max(1)).enumerate() {
                if let Some(&next) = positions.get(i + 4) {
                    prefetch(image(next)); // the next images are anywhere in memory
                }
                from_bytes(image(positions[i]), row);
            }
        });
    }
}
