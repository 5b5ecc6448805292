//! The sources of digits: all give the same digits, and say what is wrong with what does not.

use longhand_data::{Batch, Data};
use longhand_mnist::{Dataset, Split};
use ndarray::{Array3, s};

/// Forty images, four of each class, all different.
fn digits(shift: usize) -> Dataset {
    let pixel = |(i, r, c): (usize, usize, usize)| ((i * 67 + r * 13 + c * 7 + shift) % 256) as u8;
    let split = |n: usize| {
        let images = Array3::from_shape_fn((40, 28, 28), |(i, r, c)| pixel((i + n, r, c)));
        Split::new(images, (0..40).map(|i| (i * 3 % 10) as u8).collect())
    };
    let embedded = Dataset::embedded();
    Dataset { train: split(0), test: split(100), ..embedded }
}

#[test]
fn validation_images_are_taken_from_the_training_set() {
    let digits = digits(0);
    let held = digits.with_validation(1, 42).unwrap();
    assert_eq!((held.train.per_class(), held.test.per_class()), (vec![3; 10], vec![1; 10]));
    let images = |split: &Split| -> Vec<Vec<u8>> {
        split.images().outer_iter().map(|image| image.iter().copied().collect()).collect()
    };
    let mut all = [images(&held.train), images(&held.test)].concat();
    let mut original = images(&digits.train);
    all.sort();
    original.sort();
    assert_eq!(all, original);
    assert_eq!(held, digits.with_validation(1, 42).unwrap());
    assert_ne!(held.test, digits.with_validation(1, 43).unwrap().test);
    assert!(
        digits.with_validation(5, 42).unwrap_err().to_string().contains("there are 4 of digit 0")
    );
}

#[test]
fn batches_reuse_their_memory_and_hold_nothing_of_the_one_before() {
    let train = digits(0).train;
    let mut batch = Batch::<f32, _>::default();
    train.batch_into(&(0..32).collect::<Vec<_>>(), &mut batch);
    let memory = batch.x.as_ptr();
    for positions in [&[3; 17][..], &[], &[39; 20], &[0; 32]] {
        train.batch_into(positions, &mut batch);
        assert_eq!(batch, train.batch(positions));
        assert!(positions.is_empty() || batch.x.as_ptr() == memory);
    }
    // Each pixel is the nearest f32 to v/255, as dividing gives it.
    let of_image = Data::<f32>::batch(&train, &[5]).x;
    assert!(of_image.iter().zip(train.image(5)).all(|(x, &v)| *x == f32::from(v) / 255.0));
}

#[test]
fn an_image_is_augmented_alike_in_every_batch_of_an_epoch() {
    use longhand_mnist::rand::Rng;
    let train = digits(0).train;
    let noise = |positions: &[usize], epoch: u64| {
        let mut batch = Batch::<f32, _>::default();
        train.augmented_batch_into(positions, (42, epoch), &mut batch, |image, rng| {
            image.mapv_inplace(|pixel| pixel ^ (rng.next_u64() >> 60) as u8);
        });
        batch
    };
    let together = noise(&[0, 1, 2], 1);
    let plain: Batch<f32, _> = train.batch(&[0, 1, 2]);
    assert_eq!(together.targets, plain.targets);
    assert_ne!(together.x, plain.x);
    assert_eq!(noise(&[2], 1).x.row(0), together.x.row(2));
    assert_ne!(noise(&[2], 2).x.row(0), together.x.row(2));
    assert_ne!(together.x.row(0), together.x.slice(s![1, ..]));
}

#[cfg(feature = "download")]
#[path = "it/download.rs"]
mod download;
#[cfg(feature = "png")]
#[path = "it/pictures.rs"]
mod pictures;
#[path = "it/sources.rs"]
mod sources;
