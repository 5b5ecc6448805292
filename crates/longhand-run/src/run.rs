use std::ops::ControlFlow;
use std::time::Instant;

use hmac_sha256::Hash;
use longhand_data::{Batch, Data};
use longhand_layers::ndarray::{Array2, Axis, concatenate};
use longhand_layers::{Layer, softmax};
use longhand_mnist::{Dataset, Split};
use longhand_report::{Curve, Report, loss_svg};
use longhand_train::{Diverged, EarlyStopping, Epoch, Flow, Observer, Step, blew_up};
use serde_json::json;

use crate::console::Console;
use crate::folder::{Appended, RunFolder};
use crate::{Failure, Options, hex, identity, net_name, terminal};

/// Writes down what happens in a run: lines on the terminal, and the files of its folder. It stops
/// a run early where `--patience` asks for it.
///
/// A loop written by hand calls [`step`](Run::step) and [`epoch`](Run::epoch);
/// [`Training::run`](longhand_train::Training::run) takes it as its observer.
/// [`finish`](Run::finish) ends it in either case.
#[derive(Debug)]
pub struct Run<'a, M> {
    options: &'a Options,
    digits: &'a Dataset,
    title: String,
    console: Console,
    /// The files; none of a dry run.
    files: Option<Files>,
    history: Vec<Epoch<f64>>,
    stopping: Option<EarlyStopping<M>>,
    /// When the present epoch began, and how long its training took.
    clock: (Instant, f64),
}

#[derive(Debug)]
struct Files {
    folder: RunFolder,
    metrics: Appended,
}

const NAMES: [&str; 8] = [
    "metrics.csv",
    "report.html",
    "loss.svg",
    "accuracy.svg",
    "confusion.svg",
    "calibration.svg",
    "weights.png",
    "mistakes.png",
];

impl<'a, M: Layer<f32>> Run<'a, M> {
    /// Begins a run: makes its folder, so that one that cannot be written shows before the training
    /// and not after it, and prints what is to be trained.
    ///
    /// # Errors
    /// The folder or standard output cannot be written.
    pub fn start(
        options: &'a Options,
        digits: &'a Dataset,
        model: &M,
    ) -> Result<Run<'a, M>, Failure> {
        let net = net_name(&options.widths);
        let mut run = Run {
            options,
            digits,
            title: format!("{}: {net}", options.example),
            console: Console::new(options, Split::CLASSES),
            files: None,
            history: vec![],
            stopping: options.patience.map(EarlyStopping::new),
            clock: (Instant::now(), 0.0),
        };
        if !options.dry_run {
            run.files = Some(Files::create(options, digits)?);
        }
        run.console.detail(&format!("data   {}", data_text(digits)))?;
        run.console.detail(&format!("model  {net}, {} parameters", model.count()))?;
        run.console.detail(&format!("train  {}", options.text()))?;
        Ok(run)
    }

    /// Takes note of a batch that has been trained on.
    pub fn step(&mut self, step: &Step) {
        self.console.progress(step);
        if step.step == step.steps {
            self.clock.1 = self.clock.0.elapsed().as_secs_f64();
        }
    }

    /// Takes note of an epoch, and says whether training goes on. Epoch 0 is before training.
    ///
    /// # Errors
    /// The loss has grown beyond use, or nothing can be written any more.
    pub fn epoch(&mut self, epoch: Epoch<f64>, model: &M) -> Result<ControlFlow<()>, Failure> {
        let initial = self.history.first().map_or(f64::MAX, |first| first.train.loss);
        for loss in [epoch.train.loss, epoch.valid.loss] {
            if blew_up(loss, initial) {
                return Err(self.diverged(epoch.epoch, None, loss));
            }
        }
        self.history.push(epoch);
        if let Some(files) = &mut self.files {
            let Epoch { epoch, train, valid, .. } = epoch;
            files.metrics.line(&format!(
                "{epoch},{},{},{},{},{}",
                train.loss, train.metric, valid.loss, valid.metric, self.clock.1
            ))?;
        }
        self.console.epoch(&epoch, self.clock.1)?;
        let flow = match &mut self.stopping {
            Some(stopping) => stopping.note(&epoch, model),
            None => ControlFlow::Continue(()),
        };
        self.clock = (Instant::now(), 0.0);
        Ok(flow)
    }

    /// The error of training that diverged, in a step or, without one, at the end of an epoch.
    pub fn diverged(&self, epoch: usize, step: Option<usize>, loss: f64) -> Failure {
        let history = self.history.clone();
        Diverged { epoch, step, sample: None, loss, history }.into()
    }

    /// Ends the run: writes the plot and the report, and prints the last line. With `--patience`,
    /// the model gets the weights of the best epoch.
    ///
    /// # Errors
    /// Training has failed, or something cannot be written. A run that diverged keeps what it
    /// measured before.
    pub fn finish(mut self, trained: Result<(), Failure>, model: &mut M) -> Result<(), Failure> {
        if let Some(files) = &self.files
            && !self.history.is_empty()
        {
            let svg = loss_svg(&self.title, &losses(&self.history), Split::CLASSES);
            files.folder.write("loss.svg", svg)?;
        }
        match trained {
            Err(Failure::Diverged(diverged)) => {
                if let Some(files) = self.files {
                    files.folder.publish()?;
                }
                return Err(Failure::Diverged(diverged));
            }
            other => other?,
        }
        let best = self.stopping.as_ref().and_then(EarlyStopping::best).map(|(epoch, _)| epoch);
        if let Some(stopping) = self.stopping.take() {
            stopping.restore(model);
        }
        let last = self.history[self.history.len() - 1];
        let shown = self.history[best.unwrap_or(last.epoch)];
        let predictions = Predictions::new(model, &self.digits.test);
        self.warn_if_useless(&shown, &predictions);
        let settings = vec![
            ("data".to_owned(), data_text(self.digits)),
            (
                "model".to_owned(),
                format!("{}, {} parameters", net_name(&self.options.widths), model.count()),
            ),
            ("training".to_owned(), self.options.text()),
            ("epochs".to_owned(), self.options.epochs().to_string()),
        ];
        let report = predictions.report(&self.title, settings, &self.history, model, self.digits);
        let place = match self.files {
            Some(files) => {
                files.report(&report)?;
                let path = files.folder.publish()?.join("report.html");
                format!("see {}", terminal::path(&path))
            }
            None => "a dry run, nothing written".to_owned(),
        };
        self.console.pictures(&report)?;
        let least = |a: &&Epoch<f64>, b: &&Epoch<f64>| a.valid.loss.total_cmp(&b.valid.loss);
        let lowest = self.history.iter().min_by(least).unwrap_or(&last);
        let (loss, epoch, error) = (lowest.valid.loss, lowest.epoch, report.calibration_error());
        self.console.detail(&format!(
            "\nlowest valid loss {loss:.4} in epoch {epoch}; calibration error {error:.4}\nweights {} (SHA-256)",
            &weights_hash(model)[..16]
        ))?;
        let when = match best {
            Some(best) => format!("with the weights of epoch {best}, the best of {}", last.epoch),
            None => format!("after {} epochs", last.epoch),
        };
        let accuracy = shown.valid.metric;
        self.console.last_line(&format!("validation accuracy {accuracy:.4} {when}; {place}"))
    }

    /// Warns if training did not help.
    fn warn_if_useless(&self, last: &Epoch<f64>, predictions: &Predictions) {
        if self.history.len() < 2 {
            return;
        }
        let p = &predictions.probabilities;
        if p.nrows() > 1 && p.rows().into_iter().all(|row| row == p.row(0)) {
            terminal::warn(
                "the outputs are the same for every image: all hidden units are dead; try a smaller learning rate, or --activation leaky-relu",
            );
            return;
        }
        let chance = 1.0 / Split::CLASSES as f64;
        let deviation = (chance * (1.0 - chance) / self.digits.test.len() as f64).sqrt();
        let guessing = last.valid.metric <= chance + 3.0 * deviation;
        if guessing && last.valid.loss > 0.999 * (Split::CLASSES as f64).ln() {
            let (accuracy, loss) = (last.valid.metric, last.valid.loss);
            terminal::warn(&format!(
                "validation accuracy {accuracy:.4} and loss {loss:.4} are no better than guessing ({chance} and {:.4}): the learning rate \
                 {} is likely too large or too small, or the labels do not belong to the images",
                (Split::CLASSES as f64).ln(),
                self.options.learning_rate()
            ));
        }
    }
}

impl<M: Layer<f32>> Observer<M, f64> for Run<'_, M> {
    type Error = Failure;

    fn step(&mut self, step: &Step, _: &M) -> Flow<Failure> {
        Run::step(self, step);
        Ok(ControlFlow::Continue(()))
    }

    fn epoch(&mut self, epoch: &Epoch<f64>, model: &M) -> Flow<Failure> {
        Run::epoch(self, *epoch, model)
    }
}

impl Files {
    fn create(options: &Options, digits: &Dataset) -> Result<Files, Failure> {
        let folder = RunFolder::create(options.out(), &NAMES)?;
        let config = json!({
            "example": options.example,
            "version": env!("CARGO_PKG_VERSION"),
            "options": options.config(),
            "data": {
                "source": digits.source,
                "train": digits.train.len(),
                "valid": digits.test.len(),
                "sha256": identity(digits),
            },
        });
        folder.write("config.json", format!("{config:#}\n"))?;
        let mut metrics = folder.begin("metrics.csv")?;
        metrics.line("epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,seconds")?;
        Ok(Files { folder, metrics })
    }

    /// Writes `report.html` and its pictures.
    fn report(&self, report: &Report<'_>) -> Result<(), Failure> {
        self.folder.write("report.html", report.html())?;
        self.folder.write("accuracy.svg", report.accuracy_svg())?;
        self.folder.write("confusion.svg", report.confusion_svg())?;
        self.folder.write("calibration.svg", report.calibration_svg())?;
        let pictures =
            [("weights.png", report.weights_png()), ("mistakes.png", report.mistakes_png())];
        for (name, png) in pictures {
            if let Some(png) = png {
                self.folder.write(name, png)?;
            }
        }
        Ok(())
    }
}

/// Where the digits are from and how many they are.
fn data_text(digits: &Dataset) -> String {
    let Dataset { train, test, source, .. } = digits;
    format!("{source}: {} training and {} validation images", train.len(), test.len())
}

fn weights_hash(model: &impl Layer<f32>) -> String {
    let mut hash = Hash::new();
    for value in model.params().into_iter().flatten() {
        hash.update(value.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// What a model makes of the validation images, and what would be right.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The labels.
    pub labels: Vec<usize>,
    /// The softmax of the logits, `[n, classes]`.
    pub probabilities: Array2<f32>,
}

impl Predictions {
    /// The predictions for all images of a set.
    pub fn new(model: &impl Layer<f32>, valid: &Split) -> Predictions {
        let all: Vec<usize> = (0..valid.len()).collect();
        let mut labels = vec![];
        let parts: Vec<Array2<f32>> = all
            .chunks(1000)
            .map(|positions| {
                let Batch { x, targets } = valid.batch(positions);
                labels.extend(targets);
                softmax(model.infer(&x))
            })
            .collect();
        let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let probabilities = concatenate(Axis(0), &parts).expect("as many classes in each part");
        Predictions { labels, probabilities }
    }

    /// The report of a run.
    pub fn report<'a, M: Layer<f32>>(
        &'a self,
        title: &str,
        settings: Vec<(String, String)>,
        history: &[Epoch<f64>],
        model: &M,
        digits: &'a Dataset,
    ) -> Report<'a> {
        let pixels = digits.test.images().len() / digits.test.len().max(1);
        let first = model.named_params().into_iter().next().and_then(|weight| {
            let shape: [usize; 2] = weight.shape.try_into().ok()?;
            Array2::from_shape_vec(shape, weight.values.to_vec()).ok()
        });
        Report {
            title: title.to_owned(),
            settings,
            losses: losses(history),
            accuracies: accuracies(history),
            classes: digits.class_names.iter().map(ToString::to_string).collect(),
            images: digits.test.images().view(),
            labels: &self.labels,
            probabilities: self.probabilities.view(),
            weights: first.filter(|w| w.nrows() == pixels),
        }
    }
}

/// Training and validation loss by epoch.
pub fn losses<V>(history: &[Epoch<V>]) -> Vec<Curve> {
    let curve =
        |name, loss: fn(&Epoch<V>) -> f64| Curve::new(name, history.iter().map(loss).collect());
    vec![curve("train", |e| e.train.loss), curve("valid", |e| e.valid.loss)]
}

/// Training and validation accuracy by epoch.
pub fn accuracies(history: &[Epoch<f64>]) -> Vec<Curve> {
    let curve = |name, accuracy: fn(&Epoch<f64>) -> f64| {
        Curve::new(name, history.iter().map(accuracy).collect())
    };
    vec![curve("train", |e| e.train.metric), curve("valid", |e| e.valid.metric)]
}
