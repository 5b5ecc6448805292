use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use longhand_mnist::Dataset;
use longhand_report::{Report, loss_svg};
use longhand_train::Epoch;
use serde_json::json;

use super::command::{identity, make_folder, write};
use super::{CLASSES, Failure, Options, report};

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
        make_folder(&folder)?;
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
        write(&folder.join("config.json"), format!("{config:#}\n"))?;
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
        let svg = loss_svg(title, &report::losses(history), CLASSES);
        write(&self.folder.join("loss.svg"), svg)
    }

    /// Writes `report.html` and its pictures.
    pub fn report(&self, report: &Report<'_>) -> Result<(), Failure> {
        let file = |name: &str| self.folder.join(name);
        write(&file("report.html"), report.html())?;
        write(&file("accuracy.svg"), report.accuracy_svg())?;
        write(&file("confusion.svg"), report.confusion_svg())?;
        write(&file("calibration.svg"), report.calibration_svg())?;
        let pictures =
            [("weights.png", report.weights_png()), ("mistakes.png", report.mistakes_png())];
        for (name, png) in pictures {
            if let Some(png) = png {
                write(&file(name), png)?;
            }
        }
        Ok(())
    }
}
