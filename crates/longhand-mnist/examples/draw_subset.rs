//! Draws the crate's embedded digits from the full MNIST set:
//! `cargo run -p longhand-mnist --no-default-features --example draw_subset -- FULL_SET_FOLDER crates/longhand-mnist/data`

use std::env::args;
use std::path::Path;

use longhand_mnist::{Dataset, Split};
use ndarray::Array1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (Some(full), Some(out)) = (args().nth(1), args().nth(2)) else {
        return Err("usage: draw_subset FULL_SET_FOLDER OUT_FOLDER".into());
    };
    let subset = Dataset::from_idx_folder(full)?.draw_per_class(500, 0)?;
    let write = |name: &str, split: &Split| -> Result<(), longhand_idx::Error> {
        let path = |what: &str| Path::new(&out).join(format!("{name}-{what}-ubyte.gz"));
        longhand_idx::write(path("images-idx3"), split.images())?;
        longhand_idx::write(path("labels-idx1"), &Array1::from(split.labels().to_vec()))
    };
    write("train", &subset.train)?;
    write("t10k", &subset.test)?;
    Ok(())
}
