use std::io;
use std::time::{Duration, Instant};

use longhand_report::{Chart, Report, in_characters};
use longhand_train::{Epoch, Step};
use ndarray::Axis;
use serde_json::json;

use crate::terminal::{BottomLine, is_terminal, minutes, print_unless_closed};
use crate::{Failure, Options};

/// Lines on standard output; where standard error is a terminal, progress there.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
    /// One JSON object for each epoch, and nothing else.
    json: bool,
    /// Nobody reads standard output any more: the run goes on for the sake of its files.
    closed: bool,
    progress: BottomLine,
    last_progress: Instant,
    epochs: usize,
    classes: usize,
    start: Instant,
    /// Standard output is a terminal that somebody looks at: a chart and a digit in characters
    /// follow the table.
    pictures: bool,
}

impl Console {
    pub fn new(options: &Options, classes: usize) -> Console {
        let (quiet, json) = (options.quiet, options.json);
        Console {
            quiet: quiet || json,
            json,
            closed: false,
            progress: BottomLine::new(!quiet),
            last_progress: Instant::now(),
            epochs: options.epochs(),
            classes,
            start: Instant::now(),
            pictures: !quiet && !json && is_terminal(&io::stdout()),
        }
    }

    /// Prints a line, whether quiet or not.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.progress.show("");
        if !self.closed {
            self.closed = !print_unless_closed(&format!("{text}\n"))?;
        }
        Ok(())
    }

    /// Prints a line unless quiet.
    pub fn detail(&mut self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.line(text) }
    }

    /// The last line, of a run that is not for programs.
    pub fn last_line(&mut self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.line(text) }
    }

    pub fn epoch(&mut self, epoch: &Epoch<f64>, seconds: f64) -> Result<(), Failure> {
        let Epoch { epoch, train, valid, samples } = epoch;
        if *epoch == 0 {
            self.start = Instant::now();
        }
        if self.json {
            let object = json!({
                "epoch": epoch,
                "train_loss": train.loss,
                "train_accuracy": train.metric,
                "valid_loss": valid.loss,
                "valid_accuracy": valid.metric,
                "seconds": seconds,
                "samples": samples,
            });
            return self.line(&object.to_string());
        }
        if *epoch == 0 {
            let (classes, chance) = (self.classes, (self.classes as f64).ln());
            let initial = train.loss;
            self.detail(&format!("\ninitial loss {initial:.4} (ln {classes} = {chance:.4})\n"))?;
            return self.detail("epoch  train loss  valid loss  valid accuracy  seconds  images/s");
        }
        let per_second = *samples as f64 / seconds;
        self.detail(&format!(
            "{epoch:>5}  {:>10.4}  {:>10.4}  {:>14.4}  {seconds:>7.3}  {per_second:>8.0}",
            train.loss, valid.loss, valid.metric
        ))
    }

    /// Rewrites the line at the bottom of a terminal, ten times a second at most.
    pub fn progress(&mut self, step: &Step) {
        if self.progress.is_shown() && self.last_progress.elapsed() > Duration::from_millis(100) {
            self.last_progress = Instant::now();
            let Step { epoch, step, steps, loss } = step;
            let done = (*epoch - 1) as f64 + *step as f64 / *steps as f64;
            let left = self.start.elapsed().as_secs_f64() * (self.epochs as f64 - done) / done;
            let (epochs, left) = (self.epochs, minutes(left));
            self.progress.show(&format!(
                "epoch {epoch} of {epochs}, step {step} of {steps}, loss {loss:.4}, {left} left"
            ));
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
        let image = report.images.index_axis(Axis(0), mistake.image);
        self.line(&format!("{}\n", in_characters(&image).join("\n").trim_matches('\n')))?;
        self.line(&format!(
            "the worst mistake: a {}, classified as {} with a probability of {:.1} %",
            report.classes[mistake.label],
            report.classes[mistake.answer],
            100.0 * mistake.certainty
        ))
    }
}
