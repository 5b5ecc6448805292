use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use longhand_mnist::Dataset;
use longhand_report::Chart;
use longhand_train::Epoch;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Failure, Options, report};

/// The files of a run, in one folder.
pub struct Files {
    folder: PathBuf,
    metrics: File,
}

impl Files {
    /// Makes the folder, writes `config.json` and begins `metrics.csv`, so that a folder that cannot be written shows
    /// before the training and not after it.
    pub fn create(example: &str, options: &Options, digits: &Dataset) -> Result<Files, Failure> {
        let folder = options.out.clone();
        if folder.exists() && !folder.is_dir() {
            return Err(Failure::write(&folder, &"expected a folder, found a file"));
        }
        fs::create_dir_all(&folder).map_err(|error| Failure::write(&folder, &error))?;
        let config = json!({
            "example": example,
            "version": env!("CARGO_PKG_VERSION"),
            "options": options,
            "data": {
                "source": digits.source,
                "train": digits.train.len(),
                "valid": digits.test.len(),
                "sha256": identity(digits),
            },
        });
        write(&folder.join("config.json"), &format!("{config:#}\n"))?;
        let path = folder.join("metrics.csv");
        let metrics = File::create(&path).map_err(|error| Failure::write(&path, &error))?;
        let mut files = Files { folder, metrics };
        files.row("epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,seconds")?;
        Ok(files)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a row to `metrics.csv`.
    pub fn metrics(&mut self, epoch: &Epoch) -> Result<(), Failure> {
        let Epoch { epoch, train, valid, seconds, .. } = epoch;
        self.row(&format!(
            "{epoch},{},{},{},{},{seconds}",
            train.loss, train.accuracy, valid.loss, valid.accuracy
        ))
    }

    fn row(&mut self, row: &str) -> Result<(), Failure> {
        let written = self.metrics.write_all(format!("{row}\n").as_bytes());
        written.map_err(|error| Failure::write(&self.folder.join("metrics.csv"), &error))
    }

    /// Writes `loss.svg`.
    pub fn plot_losses(&self, history: &[Epoch], title: &str) -> Result<(), Failure> {
        let curves = report::losses(history, "");
        let mark = Some((10f64.ln(), "ln 10: guessing"));
        let chart = Chart { title, x: "epoch", y: "mean cross-entropy", curves: &curves, mark };
        write(&self.folder.join("loss.svg"), &chart.svg())
    }

    /// Writes `report.html`.
    pub fn report(&self, html: &str) -> Result<(), Failure> {
        write(&self.folder.join("report.html"), html)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::write(path, &error))
}

/// SHA-256 of the images and labels used, in their order.
fn identity(digits: &Dataset) -> String {
    let mut hash = Sha256::new();
    for split in [&digits.train, &digits.test] {
        hash.update(split.images().as_slice().expect("standard layout"));
        hash.update(split.labels());
    }
    hex(&hash.finalize())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
