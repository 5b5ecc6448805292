//! Draws the crate's embedded digits from the full MNIST set: `cargo run -p longhand-mnist
//! --no-default-features --example draw_subset -- FULL_SET_FOLDER crates/longhand-mnist/data`

use std::env::args_os;
use std::path::Path;
use std::process::ExitCode;

use longhand_mnist::{Dataset, Split};
use ndarray::Array1;

fn main() -> ExitCode {
    let (Some(full), Some(out)) = (args_os().nth(1), args_os().nth(2)) else {
        eprintln!("usage: draw_subset FULL_SET_FOLDER OUT_FOLDER");
        return ExitCode::from(2);
    };
    match draw(full.as_ref(), out.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(full: &Path, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let subset = Dataset::from_idx_folder(full)?.draw_per_class(500, 0)?;
    let write = |name: &str, split: &Split| -> Result<(), longhand_idx::Error> {
        let path = |what: &str| out.join(format!("{name}-{what}-ubyte.gz"));
        longhand_idx::write(path("images-idx3"), split.images())?;
        longhand_idx::write(path("labels-idx1"), &Array1::from(split.labels().to_vec()))
    };
    write("train", &subset.train)?;
    write("t10k", &subset.test)?;
    Ok(())
}
