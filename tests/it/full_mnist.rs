//! Tests on the full MNIST set, in the folder that the environment variable LONGHAND_MNIST names
//! (see .cargo/config.toml). Without it they say so and pass.

use std::path::PathBuf;

use approx::assert_abs_diff_eq;
use longhand_data::Data;
use longhand_mnist::Dataset;

/// The folder of the full set, where it is present.
pub fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("LONGHAND_MNIST")?);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: the full MNIST set is not at {}", folder.display());
    None
}

#[test]
fn the_embedded_digits_are_the_draw_they_claim_to_be() {
    let Some(folder) = folder() else { return };
    let full = Dataset::from_idx_folder(folder).unwrap();
    let (drawn, embedded) = (full.draw_per_class(500, 0).unwrap(), Dataset::embedded());
    // Not `assert_eq!`, which would print ten thousand images.
    assert!(drawn.train == embedded.train, "the training digits differ");
    assert!(drawn.test == embedded.test, "the test digits differ");
    assert!(full.draw_per_class(500, 1).unwrap().train != embedded.train);
}

/// Norms and labels that the homework of CMU's course 10-414 (dlsyscourse/hw0, tests) asserts of
/// its own loader.
#[test]
fn the_full_set_is_read_as_others_read_it() {
    let Some(folder) = folder() else { return };
    let full = Dataset::from_idx_folder(folder).unwrap();
    assert_eq!((full.train.len(), full.test.len()), (60_000, 10_000));
    assert_eq!(full.train.labels()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    let norm = |n: usize| {
        let x = Data::<f64>::batch(&full.train, &(0..n).collect::<Vec<_>>()).x;
        x.iter().map(|v| v * v).sum::<f64>().sqrt()
    };
    assert_abs_diff_eq!(norm(10), 27.892084, epsilon = 1e-5);
    assert_abs_diff_eq!(norm(1000), 293.0717, epsilon = 1e-3);
}
