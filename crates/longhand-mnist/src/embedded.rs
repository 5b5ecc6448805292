use ndarray::{ArrayD, Ix1, Ix3};

use crate::dataset::digit_names;
use crate::{Dataset, Split};

impl Dataset {
    /// The digits inside the crate: 500 training and 500 test images of each digit of MNIST, 10000
    /// in all.
    ///
    /// They are what `draw_per_class(500, 0)` draws from the full set, in the set's own order.
    ///
    /// ```
    /// let digits = longhand_mnist::Dataset::embedded();
    /// assert_eq!(digits.train.images().dim(), (5000, 28, 28));
    /// ```
    pub fn embedded() -> Dataset {
        Dataset {
            train: split(
                include_bytes!("../data/train-images-idx3-ubyte.gz"),
                include_bytes!("../data/train-labels-idx1-ubyte.gz"),
            ),
            test: split(
                include_bytes!("../data/t10k-images-idx3-ubyte.gz"),
                include_bytes!("../data/t10k-labels-idx1-ubyte.gz"),
            ),
            class_names: digit_names(),
            source: "embedded MNIST subset".into(),
        }
    }
}

fn split(images: &[u8], labels: &[u8]) -> Split {
    let images = decode(images).into_dimensionality::<Ix3>().expect("three dimensions");
    let labels = decode(labels).into_dimensionality::<Ix1>().expect("one dimension");
    Split::new(images, labels.to_vec())
}

fn decode(file: &[u8]) -> ArrayD<u8> {
    let array = longhand_idx::Reader::new(file).and_then(longhand_idx::Reader::into_array);
    array.expect("the embedded files are sound")
}
