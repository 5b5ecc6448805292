use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use longhand_layers::Parameters;
use longhand_mnist::Dataset;
use longhand_report::{Chart, Report, in_characters};
use longhand_train::{Epoch, Step};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::command::{Failure, hex, minutes, terminal};
use super::{CLASSES, Options};

/// Lines on standard output; where standard error is a terminal, progress there.
pub struct Console {
    quiet: bool,
    /// One JSON object for each epoch, and nothing else.
    json: bool,
    /// Nobody reads standard output any more: the run goes on for the sake of its files.
    closed: bool,
    progress: bool,
    last_progress: Instant,
    epochs: usize,
    start: Instant,
    /// Standard output is a terminal that somebody looks at: a chart and a digit in characters follow the table.
    pictures: bool,
}

impl Console {
    pub fn new(quiet: bool, json: bool) -> Console {
        Console {
            quiet: quiet || json,
            json,
            closed: false,
            progress: !quiet && terminal(&io::stderr()),
            last_progress: Instant::now(),
            epochs: 0,
            start: Instant::now(),
            pictures: !quiet && !json && terminal(&io::stdout()),
        }
    }

    /// Prints a line, whether quiet or not.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.clear_progress();
        if self.closed {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::Run(format!("cannot write to standard output: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    fn detail(&mut self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.line(text) }
    }

    pub fn header(
        &mut self,
        digits: &Dataset,
        net: &str,
        parameters: usize,
        options: &Options,
    ) -> Result<(), Failure> {
        self.epochs = options.epochs;
        self.detail(&format!("data   {}", data_text(digits)))?;
        self.detail(&format!("model  {net}, {parameters} parameters"))?;
        self.detail(&format!("train  {}", training_text(options)))
    }

    pub fn epoch(&mut self, epoch: &Epoch) -> Result<(), Failure> {
        let Epoch { epoch, train, valid, seconds, samples } = epoch;
        if *epoch == 0 {
            self.start = Instant::now();
        }
        if self.json {
            let object = json!({
                "epoch": epoch,
                "train_loss": train.loss,
                "train_accuracy": train.accuracy,
                "valid_loss": valid.loss,
                "valid_accuracy": valid.accuracy,
                "seconds": seconds,
                "samples": samples,
            });
            return self.line(&object.to_string());
        }
        if *epoch == 0 {
            let chance = (CLASSES as f64).ln();
            self.detail(&format!(
                "\ninitial loss {:.4} (ln {CLASSES} = {chance:.4})\n",
                train.loss
            ))?;
            return self.detail("epoch  train loss  valid loss  valid accuracy  seconds  images/s");
        }
        let per_second = *samples as f64 / seconds;
        self.detail(&format!(
            "{epoch:>5}  {:>10.4}  {:>10.4}  {:>14.4}  {seconds:>7.3}  {per_second:>8.0}",
            train.loss, valid.loss, valid.accuracy
        ))
    }

    /// Rewrites the line at the bottom of a terminal, ten times a second at most.
    pub fn progress(&mut self, step: &Step) {
        if self.progress && self.last_progress.elapsed() > Duration::from_millis(100) {
            self.last_progress = Instant::now();
            let Step { epoch, step, steps, loss } = step;
            let done = (*epoch - 1) as f64 + *step as f64 / *steps as f64;
            let left = self.start.elapsed().as_secs_f64() * (self.epochs as f64 - done) / done;
            let _ = write!(
                io::stderr(),
                "\r\x1b[Kepoch {epoch} of {}, step {step} of {steps}, loss {loss:.4}, {} left",
                self.epochs,
                minutes(left)
            );
        }
    }

    /// Takes the line of progress away.
    pub fn clear_progress(&self) {
        if self.progress {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// On a terminal, the losses as a chart and the worst mistake in characters.
    pub fn pictures(&mut self, report: &Report<'_>) -> Result<(), Failure> {
        if !self.pictures {
            return Ok(());
        }
        let (curves, title) = (&report.losses, &*report.title);
        let chart = Chart { title, x: "epoch", y: "loss", curves, mark: None, ticks: &[] };
        self.line(&format!("\n{}", chart.text(62, 12)))?;
        let Some(mistake) = report.worst_mistake() else { return Ok(()) };
        let image = report.images.index_axis(ndarray::Axis(0), mistake.image);
        self.line(&format!("{}\n", in_characters(&image).join("\n").trim_matches('\n')))?;
        self.line(&format!(
            "the worst mistake: a {}, read as {} ({:.1} % sure)",
            report.classes[mistake.label],
            report.classes[mistake.answer],
            100.0 * mistake.certainty
        ))
    }

    pub fn footer(
        &mut self,
        history: &[Epoch],
        model: &impl Parameters<f32>,
        folder: &Path,
    ) -> Result<(), Failure> {
        let mut hash = Sha256::new();
        for value in model.params().into_iter().flatten() {
            hash.update(value.to_le_bytes());
        }
        self.detail(&format!("\nweights {} (SHA-256)", &hex(&hash.finalize())[..16]))?;
        if self.json {
            return Ok(());
        }
        let last = history[history.len() - 1];
        self.line(&format!(
            "validation accuracy {:.4} after {} epochs; see {}",
            last.valid.accuracy,
            last.epoch,
            folder.join("report.html").display()
        ))
    }
}

/// Where the digits are from and how many they are.
pub fn data_text(digits: &Dataset) -> String {
    let Dataset { train, test, source, .. } = digits;
    format!("{source}: {} training and {} validation images", train.len(), test.len())
}

/// How the model is trained.
pub fn training_text(options: &Options) -> String {
    format!(
        "{}, batch size {}, seed {}",
        options.optimizer_text(),
        options.batch_size,
        options.seed
    )
}
