use std::io;
use std::time::{Duration, Instant};

use longhand_report::{Chart, Curve, Report, in_characters};
use longhand_train::{Epoch, Step};
use ndarray::Axis;
use serde_json::json;

use crate::terminal::{BottomLine, is_terminal, minutes, print_unless_closed};
use crate::{Failure, Options, Set, Sets};

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
    measure: &'static str,
    /// `images` or `samples`.
    samples: &'static str,
    start: Instant,
    /// The epochs that were done then.
    began: Option<f64>,
    /// Standard output is a terminal that somebody looks at: a chart and a digit in characters
    /// follow the table.
    pictures: bool,
}

impl Console {
    pub fn new(options: &Options, sets: &Sets) -> Console {
        let (quiet, json) = (options.quiet, options.json);
        Console {
            quiet: quiet || json,
            json,
            closed: false,
            progress: BottomLine::new(!quiet),
            last_progress: Instant::now(),
            epochs: options.epochs(),
            classes: sets.classes().len(),
            measure: sets.measure().name(),
            samples: if matches!(sets.train, Set::Pictures(_)) { "images" } else { "samples" },
            start: Instant::now(),
            began: None,
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

    /// Takes away what is drawn on the terminal.
    pub fn line_is_done(&self) {
        self.progress.show("");
    }

    /// The last line, of a run that is not for programs. On a terminal, each part has a line of its own.
    pub fn last_line(&mut self, parts: &[String]) -> Result<(), Failure> {
        let between = if is_terminal(&io::stdout()) { "\n" } else { " " };
        if self.json { Ok(()) } else { self.line(&parts.join(between)) }
    }

    pub fn epoch(&mut self, epoch: &Epoch<f64>, seconds: f64) -> Result<(), Failure> {
        let Epoch { epoch, train, valid, samples } = epoch;
        if *epoch == 0 {
            self.start = Instant::now();
        }
        if self.json {
            let [train_measure, valid_measure] =
                ["train", "valid"].map(|set| format!("{set}_{}", self.measure));
            let object = json!({
                "epoch": epoch,
                "train_loss": train.loss,
                train_measure: train.metric,
                "valid_loss": valid.loss,
                valid_measure: valid.metric,
                "seconds": seconds,
                "samples": samples,
            });
            return self.line(&object.to_string());
        }
        if *epoch == 0 {
            let initial = train.loss;
            self.detail(&match self.classes {
                0 => format!("\ninitial loss {initial:.4} (the mean for all samples: 1)\n"),
                n => format!("\ninitial loss {initial:.4} (ln {n} = {:.4})\n", (n as f64).ln()),
            })?;
            return self.heading();
        }
        let per_second = *samples as f64 / seconds;
        self.detail(&format!(
            "{epoch:>5}  {:>10.4}  {:>10.4}  {:>14.4}  {seconds:>7.3}  {per_second:>8.0}",
            train.loss, valid.loss, valid.metric
        ))
    }

    /// The names of the columns.
    pub fn heading(&mut self) -> Result<(), Failure> {
        self.start = Instant::now();
        let (measure, samples) = (format!("valid {}", self.measure), self.samples);
        self.detail(&format!("epoch  train loss  valid loss  {measure:>14}  seconds  {samples}/s"))
    }

    /// Rewrites the line at the bottom of a terminal, ten times a second at most.
    pub fn progress(&mut self, step: &Step) {
        if self.progress.is_shown() && self.last_progress.elapsed() > Duration::from_millis(100) {
            self.last_progress = Instant::now();
            let Step { epoch, step, steps, loss } = step;
            let done = (*epoch - 1) as f64 + *step as f64 / *steps as f64;
            let since = done - *self.began.get_or_insert(done - 1.0 / *steps as f64);
            let left = self.start.elapsed().as_secs_f64() * (self.epochs as f64 - done) / since;
            let (epochs, left) = (self.epochs, minutes(left));
            self.progress.show(&format!(
                "epoch {epoch} of {epochs}, step {step} of {steps}, loss {loss:.4}, {left} left"
            ));
        }
    }

    /// On a terminal, the losses as a chart.
    pub fn chart(&mut self, title: &str, curves: &[Curve]) -> Result<(), Failure> {
        if !self.pictures {
            return Ok(());
        }
        let chart = Chart { title, x: "epoch", y: "loss", curves, ..Chart::default() };
        self.line(&format!("\n{}", chart.text(62, 12)))
    }

    /// On a terminal, the worst mistake in characters.
    pub fn worst_mistake(&mut self, report: &Report<'_>) -> Result<(), Failure> {
        let mistake = report.worst_mistake().filter(|_| self.pictures);
        let (Some(mistake), Some(images)) = (mistake, report.images) else { return Ok(()) };
        let image = images.index_axis(Axis(0), mistake.image);
        self.line(&format!("{}\n", in_characters(&image).join("\n").trim_matches('\n')))?;
        self.line(&format!(
            "the worst mistake: a {}, classified as {} with a probability of {:.1} %",
            report.classes[mistake.label],
            report.classes[mistake.answer],
            100.0 * mistake.certainty
        ))
    }
}
