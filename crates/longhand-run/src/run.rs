use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hmac_sha256::Hash;
use longhand_data::{Batch, Data};
use longhand_layers::ndarray::{Array2, Axis, concatenate};
use longhand_layers::{Layer, softmax};
use longhand_optim::Resumable;
use longhand_report::{Curve, NumbersReport, Pad, Report, loss_svg, squared_loss_svg};
use longhand_save::{AnyLayer, Feature, Input, Layers, Model, Output, Record, save_checkpoint};
use longhand_train::{Diverged, EarlyStopping, Epoch, Flow, Observer, Progress, Step, blew_up};
use serde_json::json;

use crate::console::Console;
use crate::flags::{self, Settings};
use crate::folder::{Appended, CHECKPOINT, RunFolder};
use crate::interrupt::Interrupt;
use crate::provenance::provenance;
use crate::{Answers, Failure, Options, Set, Sets, hex, net_name, terminal};

/// The file of the trained model.
const MODEL: &str = "model.safetensors";

/// Writes down what happens in a run: lines on the terminal, and the files of its folder. It stops
/// a run early where `--patience` asks for it, writes checkpoints, and goes on with a run that was
/// interrupted.
///
/// A loop written by hand calls [`step`](Run::step) and [`epoch`](Run::epoch);
/// [`Training::resume`](longhand_train::Training::resume) takes it as its observer. Around it,
/// [`take_up`](Run::take_up) says where training begins, [`goes_on`](Run::goes_on) whether it does,
/// and [`finish`](Run::finish) ends it.
#[derive(Debug)]
pub struct Run<'a, M> {
    options: &'a Options,
    sets: &'a Sets,
    title: String,
    console: Console,
    /// The files; none of a dry run.
    files: Option<Files>,
    history: Vec<Epoch<f64>>,
    /// What tells the data from others.
    fingerprint: String,
    /// How long the training of each epoch took.
    seconds: Vec<f64>,
    stopping: Option<EarlyStopping<M>>,
    state: State,
    /// When the present epoch began, and how long its training took.
    clock: (Instant, f64),
}

/// Why training has come to a stop, or whether it has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Beginning,
    /// A checkpoint is due.
    Pausing,
    /// An early stop.
    Stopped,
}

#[derive(Debug)]
struct Files {
    folder: RunFolder,
    metrics: Appended,
    interrupt: Interrupt,
}

const NAMES: [&str; 12] = [
    "metrics.csv",
    "report.html",
    "loss.svg",
    "accuracy.svg",
    "confusion.svg",
    "calibration.svg",
    "weights.png",
    "mistakes.png",
    "error.svg",
    "predictions.svg",
    MODEL,
    CHECKPOINT,
];

impl<'a, M: Layer<f32> + Layers<f32>> Run<'a, M> {
    /// Begins a run: gives the model the weights of `--load`, if there are any, makes the run's
    /// folder, so that one that cannot be written shows before the training and not after it, and
    /// prints what is to be trained.
    ///
    /// # Errors
    /// The model's file cannot be read, or is of another model; the folder or standard output cannot
    /// be written.
    pub fn start(
        options: &'a Options,
        sets: &'a Sets,
        model: &mut M,
    ) -> Result<Run<'a, M>, Failure> {
        let fingerprint = sets.fingerprint();
        match &options.resume {
            None => options.load_into(model)?,
            // Before a file of the run is written.
            Some(folder) => {
                let (folder, checkpoint) = flags::checkpoint(folder)?;
                if checkpoint.record.data != fingerprint {
                    let (folder, source) = (terminal::path(&folder), &sets.source);
                    return Err(Failure::Run(format!(
                        "--resume: {folder}: expected the data that the run was begun with, found others, {source}; name them with --data"
                    )));
                }
            }
        }
        let net = net_name(&options.widths);
        let mut run = Run {
            options,
            sets,
            title: format!("{}: {net}", options.example),
            console: Console::new(options, sets),
            files: None,
            history: vec![],
            fingerprint,
            seconds: vec![],
            stopping: options.patience.map(EarlyStopping::new),
            state: State::Beginning,
            clock: (Instant::now(), 0.0),
        };
        if !options.dry_run {
            run.files = Some(Files::create(options, sets)?);
        }
        run.console.detail(&format!("data   {}", sets.text()))?;
        run.console.detail(&format!("model  {net}, {} parameters", model.count()))?;
        run.console.detail(&format!("train  {}", options.text()))?;
        Ok(run)
    }

    /// Where training begins: at its start, or where the run of `--resume` has come to.
    ///
    /// # Errors
    /// The checkpoint cannot be read, or is of another model, another optimizer or other data.
    pub fn take_up(
        &mut self,
        model: &mut M,
        optimizer: &mut impl Resumable<f32, M>,
    ) -> Result<Progress<f64>, Failure> {
        let Some(folder) = &self.options.resume else { return Ok(Progress::default()) };
        let progress = self.restore(folder, model, optimizer);
        if progress.is_err()
            && let Some(files) = self.files.take()
        {
            files.folder.discard(&["config.json", "metrics.csv"]);
        }
        progress
    }

    fn restore(
        &mut self,
        folder: &Path,
        model: &mut M,
        optimizer: &mut impl Resumable<f32, M>,
    ) -> Result<Progress<f64>, Failure> {
        let failed = |error: longhand_save::Error| Failure::Run(format!("--resume: {error}"));
        let (_, checkpoint) = match &self.files {
            // The folder of a run that was interrupted has been taken over.
            Some(files) if files.folder.unfinished(CHECKPOINT).is_file() => {
                flags::checkpoint(files.folder.unfinished_folder())?
            }
            _ => flags::checkpoint(folder)?,
        };
        let progress: Progress<f64> =
            checkpoint.restore(model, optimizer, self.stopping.as_mut()).map_err(failed)?;
        let (done, asked) = (progress.epoch().saturating_sub(1), self.options.epochs());
        if done > asked {
            return Err(Failure::Usage(format!(
                "--epochs: expected {done} or more, as many as are done, found {asked}"
            )));
        }
        self.history = progress.history.clone();
        self.seconds = checkpoint.record.seconds.clone();
        let best = self.stopping.as_ref().and_then(|stopping| stopping.best.as_ref());
        if let (Some(best), Some(patience)) = (best, self.options.patience)
            && progress.epoch() > best.epoch + patience
        {
            self.state = State::Stopped;
        }
        if let Some(files) = &mut self.files {
            for (epoch, seconds) in self.history.iter().zip(&self.seconds) {
                files.metrics.epoch(epoch, *seconds)?;
            }
        }
        let (last, step) = (self.history.len().saturating_sub(1), progress.partial.steps);
        self.console.detail(&match step {
            0 => format!("\ngoing on after epoch {last}\n"),
            _ => format!("\ngoing on after epoch {last} and {step} steps\n"),
        })?;
        self.console.heading()?;
        Ok(progress)
    }

    /// Whether training begins, or goes on after it has come to a stop: to write a checkpoint, which
    /// is done here, or for good.
    ///
    /// # Errors
    /// The checkpoint cannot be written; the one before is there still. Or Ctrl-C was pressed: the
    /// error says how to go on.
    pub fn goes_on(
        &mut self,
        progress: &Progress<f64>,
        model: &M,
        optimizer: &mut impl Resumable<f32, M>,
    ) -> Result<bool, Failure> {
        let state = std::mem::replace(&mut self.state, State::Pausing);
        let complete = state == State::Stopped || progress.epoch() > self.options.epochs();
        let Some(files) = &self.files else { return Ok(!complete) };
        let begun = state != State::Beginning;
        let interrupted = begun && files.interrupt.came() && !complete;
        let due = begun && self.options.is_checkpoint_due(self.history.len().saturating_sub(1));
        if interrupted || due || (complete && self.options.keeps_checkpoints()) {
            let settings = Settings {
                example: self.options.example.to_owned(),
                arguments: self.options.arguments.clone(),
            };
            let record = Record {
                settings: serde_json::to_string(&settings).expect("texts"),
                data: self.fingerprint.clone(),
                seed: self.options.seed,
                seconds: self.seconds.clone(),
            };
            let path = files.folder.unfinished(CHECKPOINT);
            save_checkpoint(path, &record, model, optimizer, progress, self.stopping.as_ref())
                .map_err(|error| {
                    Failure::Run(format!("cannot write {error}; the run's last checkpoint, if there is one, is there still"))
                })?;
        }
        if interrupted {
            self.console.line_is_done();
            let folder = terminal::argument(files.folder.unfinished_folder());
            return Err(Failure::Interrupted(format!(
                "interrupted; to go on: cargo run --example {} -- --resume {folder}",
                self.options.example
            )));
        }
        Ok(!complete)
    }

    /// Takes note of a batch that has been trained on, and says whether training goes on.
    pub fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self.console.progress(step);
        if step.step == step.steps {
            self.clock.1 = self.clock.0.elapsed().as_secs_f64();
        }
        match &self.files {
            Some(files) if files.interrupt.came() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
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
        let seconds = self.clock.1;
        self.history.push(epoch);
        self.seconds.push(seconds);
        if let Some(files) = &mut self.files {
            files.metrics.epoch(&epoch, seconds)?;
        }
        self.console.epoch(&epoch, seconds)?;
        self.clock = (Instant::now(), 0.0);
        if let Some(stopping) = &mut self.stopping
            && stopping.note(&epoch, model).is_break()
        {
            self.state = State::Stopped;
            return Ok(ControlFlow::Break(()));
        }
        let interrupted = self.files.as_ref().is_some_and(|files| files.interrupt.came());
        let due = self.files.is_some() && self.options.is_checkpoint_due(epoch.epoch);
        Ok(if interrupted || due { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The error of training that diverged, in a step or, without one, at the end of an epoch.
    pub fn diverged(&self, epoch: usize, step: Option<usize>, loss: f64) -> Failure {
        let history = self.history.clone();
        Diverged { epoch, step, sample: None, loss, history }.into()
    }

    /// Ends the run: writes the plot, the model and the report, and prints the last line. With
    /// `--patience`, the model gets the weights of the best epoch.
    ///
    /// # Errors
    /// Training has failed, or something cannot be written. A run that diverged keeps what it
    /// measured before.
    pub fn finish(mut self, trained: Result<(), Failure>, model: &mut M) -> Result<(), Failure> {
        let plot = |files: &Files| files.folder.write("loss.svg", self.loss_svg());
        match trained {
            Err(Failure::Diverged(diverged)) => {
                if let Some(files) = &self.files
                    && !self.history.is_empty()
                {
                    plot(files)?;
                }
                if let Some(files) = self.files {
                    files.folder.publish()?;
                }
                return Err(Failure::Diverged(diverged));
            }
            other => other?,
        }
        self.files.as_ref().map_or(Ok(()), plot)?;
        let best = self.stopping.as_ref().and_then(|stopping| Some(stopping.best.as_ref()?.epoch));
        if let Some(stopping) = self.stopping.take() {
            stopping.restore(model);
        }
        let last = self.history[self.history.len() - 1];
        let shown = self.history[best.unwrap_or(last.epoch)];
        let predictions = Predictions::new(model, &self.sets.valid);
        self.warn_if_useless(&shown, &predictions);
        let saved = self.saved(model);
        if let Some(files) = &self.files {
            self.save_model(files, &saved)?;
        }
        let (title, sets) = (self.title.clone(), self.sets);
        let weights = weights_hash(model);
        let settings = self.settings(model.count(), &weights);
        let made = provenance(self.options);
        let links: &[&str] =
            if self.files.is_some() { &["metrics.csv", "config.json", MODEL] } else { &[] };
        let calibration = match &sets.output {
            Output::Number(Feature { name, mean, deviation }) => {
                let own = |n: f64| n * deviation + mean;
                let targets: Vec<f64> = predictions.numbers.iter().map(|&n| own(n)).collect();
                let outputs: Vec<f64> =
                    predictions.outputs.iter().map(|&n| own(f64::from(n))).collect();
                let report = NumbersReport {
                    title: title.clone(),
                    settings,
                    made,
                    files: links,
                    losses: losses(&self.history),
                    errors: measures(&self.history),
                    name: name.clone(),
                    targets: &targets,
                    predictions: &outputs,
                };
                if let Some(files) = &self.files {
                    files.numbers(&report)?;
                }
                self.console.chart(&title, &losses(&self.history))?;
                String::new()
            }
            _ => {
                let bytes = saved.to_bytes().unwrap_or_default();
                let mut report = predictions.report(&title, &self.history, model, sets);
                (report.settings, report.made, report.files) = (settings, made, links);
                report.active = active(&saved.layers, &sets.valid);
                report.hidden = self.options.widths.len() > 2;
                if let (Input::Picture { centred, .. }, false) = (&sets.input, bytes.is_empty()) {
                    report.pad = Some(Pad { model: &bytes, centred: *centred });
                }
                if let Some(files) = &self.files {
                    files.report(&report)?;
                }
                self.console.chart(&title, &report.losses)?;
                self.console.worst_mistake(&report)?;
                format!("; calibration error {:.4}", report.calibration_error())
            }
        };
        let least = |a: &&Epoch<f64>, b: &&Epoch<f64>| a.valid.loss.total_cmp(&b.valid.loss);
        let lowest = self.history.iter().min_by(least).unwrap_or(&last);
        let (loss, epoch) = (lowest.valid.loss, lowest.epoch);
        self.console.detail(&format!(
            "\nlowest valid loss {loss:.4} in epoch {epoch}{calibration}\nweights {} (SHA-256)",
            &weights[..16]
        ))?;
        let places = match self.files {
            Some(files) => {
                let folder = files.publish(self.options.keeps_checkpoints())?;
                let (report, model) = (folder.join("report.html"), folder.join(MODEL));
                let data = self.options.data_argument();
                let use_it = use_of(self.sets, &terminal::argument(&model), data.as_deref());
                vec![
                    "to use it,".to_owned(),
                    format!("{use_it};"),
                    format!("see {}", terminal::path(&report)),
                ]
            }
            None => vec!["a dry run, nothing written".to_owned()],
        };
        let when = match best {
            Some(best) => format!("with the weights of epoch {best}, the best of {}", last.epoch),
            None => format!("after {} epochs", last.epoch),
        };
        let (measure, value) = (self.sets.measure().name(), shown.valid.metric);
        let first = format!("validation {measure} {value:.4} {when};");
        self.console.last_line(&[vec![first], places].concat())
    }

    /// The losses, with that of guessing as a line.
    fn loss_svg(&self) -> String {
        let (title, curves) = (&self.title, &losses(&self.history));
        match self.sets.classes().len() {
            0 => squared_loss_svg(title, curves),
            classes => loss_svg(title, curves, classes),
        }
    }

    /// What the report says of the run. It is the same wherever and whenever the run was made.
    fn settings(&self, parameters: usize, weights: &str) -> Vec<(String, String)> {
        let net = net_name(&self.options.widths);
        let mut settings = vec![
            ("data", self.sets.text()),
            ("model", format!("{net}, {parameters} parameters")),
            ("training", self.options.text()),
            ("epochs", self.options.epochs().to_string()),
            ("SHA-256 of the data", self.sets.identity()),
            ("SHA-256 of the weights", weights.to_owned()),
        ];
        if self.files.is_some() {
            let path = format!("FOLDER/{MODEL}");
            let use_it = use_of(self.sets, &path, self.options.data_argument().as_deref());
            settings.push(("to use it", format!("{use_it}, where FOLDER is this page's")));
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The model with what its inputs and outputs are.
    fn saved(&self, net: &M) -> Model<f32> {
        let (input, output) = (self.sets.input.clone(), self.sets.output.clone());
        Model { input, output, ..Model::of(net) }
    }

    /// Writes the model into the folder, and where `--save` asks for it.
    fn save_model(&self, files: &Files, model: &Model<f32>) -> Result<(), Failure> {
        let inside = files.folder.unfinished(MODEL);
        for path in [Some(inside.as_path()), self.options.save()].into_iter().flatten() {
            model.save(path).map_err(|error| Failure::Run(format!("cannot write {error}")))?;
        }
        Ok(())
    }

    /// Warns if training did not help.
    fn warn_if_useless(&self, last: &Epoch<f64>, predictions: &Predictions) {
        if self.history.len() < 2 || self.options.dry_run {
            return;
        }
        let samples = if matches!(self.sets.valid, Set::Pictures(_)) { "image" } else { "sample" };
        let y = &predictions.outputs;
        if y.nrows() > 1 && y.rows().into_iter().all(|row| row == y.row(0)) {
            terminal::warn(&format!(
                "the outputs are the same for every {samples}: all hidden units are dead; try a smaller learning rate, or --activation leaky-relu"
            ));
            return;
        }
        let classes = self.sets.classes().len();
        if classes == 0 {
            if last.valid.loss > 0.999 {
                terminal::warn(&format!(
                    "the validation loss {:.4} is no better than that of the mean for all samples (about 1): the learning rate {} is likely \
                     too large or too small, or the features say nothing of the number",
                    last.valid.loss,
                    self.options.learning_rate()
                ));
            }
            return;
        }
        let chance = 1.0 / classes as f64;
        let deviation = (chance * (1.0 - chance) / self.sets.valid.len() as f64).sqrt();
        let guessing = last.valid.metric <= chance + 3.0 * deviation;
        if guessing && last.valid.loss > 0.999 * (classes as f64).ln() {
            let (accuracy, loss) = (last.valid.metric, last.valid.loss);
            terminal::warn(&format!(
                "validation accuracy {accuracy:.4} and loss {loss:.4} are no better than guessing ({chance:.4} and {:.4}): the learning rate \
                 {} is likely too large or too small, or the labels do not belong to the {samples}s",
                (classes as f64).ln(),
                self.options.learning_rate()
            ));
        }
    }
}

/// The command that uses a trained model.
fn use_of(sets: &Sets, model: &str, data: Option<&str>) -> String {
    match (&sets.train, data) {
        (Set::Pictures(_), _) => {
            format!("cargo run --example predict -- --model {model} 4.png")
        }
        (Set::Rows(_), data) => {
            let data = data.unwrap_or("DATA");
            format!("cargo run --example mlp -- --load {model} --data {data} --epochs 0")
        }
    }
}

impl<M: Layer<f32> + Layers<f32>> Observer<M, f64> for Run<'_, M> {
    type Error = Failure;

    fn step(&mut self, step: &Step, _: &M) -> Flow<Failure> {
        Ok(Run::step(self, step))
    }

    fn epoch(&mut self, epoch: &Epoch<f64>, model: &M) -> Flow<Failure> {
        Run::epoch(self, *epoch, model)
    }
}

impl Appended {
    fn epoch(&mut self, epoch: &Epoch<f64>, seconds: f64) -> Result<(), Failure> {
        let Epoch { epoch, train, valid, .. } = epoch;
        self.line(&format!(
            "{epoch},{},{},{},{},{seconds}",
            train.loss, train.metric, valid.loss, valid.metric
        ))
    }
}

impl Files {
    fn create(options: &Options, sets: &Sets) -> Result<Files, Failure> {
        let folder = match &options.resume {
            Some(folder) => RunFolder::resume(&crate::folder::find(folder)?, &NAMES)?,
            None => RunFolder::create(options.out(), &NAMES)?,
        };
        let config = json!({
            "example": options.example,
            "version": env!("CARGO_PKG_VERSION"),
            "options": options.config(sets),
            "data": {
                "source": sets.source,
                "train": sets.train.len(),
                "valid": sets.valid.len(),
                "sha256": sets.identity(),
            },
        });
        folder.write("config.json", format!("{config:#}\n"))?;
        // From before there is a file that says that a run has begun.
        let interrupt = Interrupt::listen();
        let mut metrics = folder.begin("metrics.csv")?;
        let measure = sets.measure().name();
        metrics.line(&format!(
            "epoch,train_loss,train_{measure},valid_loss,valid_{measure},seconds"
        ))?;
        Ok(Files { folder, metrics, interrupt })
    }

    /// Puts the folder in its place. Without `--checkpoint-every`, a checkpoint is of no use any more.
    fn publish(self, keeps_checkpoints: bool) -> Result<PathBuf, Failure> {
        if !keeps_checkpoints {
            let _ = fs::remove_file(self.folder.unfinished(CHECKPOINT));
        }
        self.folder.publish()
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

    /// The same of predicted numbers.
    fn numbers(&self, report: &NumbersReport<'_>) -> Result<(), Failure> {
        self.folder.write("report.html", report.html())?;
        self.folder.write("error.svg", report.error_svg())?;
        self.folder.write("predictions.svg", report.predictions_svg())
    }
}

fn weights_hash(model: &impl Layer<f32>) -> String {
    let mut hash = Hash::new();
    for value in model.params().into_iter().flatten() {
        hash.update(value.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// For each unit of the first hidden layer, the share of the validation samples for which it is not zero;
/// where it is a rectified one.
fn active(layers: &[AnyLayer<f32>], valid: &Set) -> Option<Vec<f64>> {
    let last = layers.iter().position(|layer| matches!(layer, AnyLayer::Relu(_)))?;
    let first = layers[..=last].to_vec();
    if first.iter().filter(|layer| matches!(layer, AnyLayer::Linear(_))).count() != 1 {
        return None;
    }
    let all: Vec<usize> = (0..valid.len()).collect();
    let mut on: Vec<f64> = vec![];
    for positions in all.chunks(1000) {
        let units = first.infer(&valid.batch(positions).x);
        on.resize(units.ncols(), 0.0);
        for row in units.rows() {
            on.iter_mut().zip(row).for_each(|(on, &unit)| *on += f64::from(u8::from(unit > 0.0)));
        }
    }
    Some(on.into_iter().map(|on| on / all.len() as f64).collect())
}

/// What a model makes of the validation samples, and what would be right.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The labels; of numbers, none.
    labels: Vec<usize>,
    /// The numbers in their own unit; of classes, none.
    numbers: Vec<f64>,
    /// The probabilities of classes, `[n, classes]`; or numbers, standardised, `[n, 1]`.
    outputs: Array2<f32>,
}

impl Predictions {
    /// The predictions for all samples of a set.
    fn new(model: &impl Layer<f32>, valid: &Set) -> Predictions {
        let all: Vec<usize> = (0..valid.len()).collect();
        let (mut labels, mut numbers) = (vec![], vec![]);
        let parts: Vec<Array2<f32>> = all
            .chunks(1000)
            .map(|positions| {
                let Batch { x, targets } = valid.batch(positions);
                match targets {
                    Answers::Labels(of_batch) => {
                        labels.extend(of_batch);
                        softmax(model.infer(&x))
                    }
                    Answers::Numbers(of_batch) => {
                        numbers.extend(of_batch.iter().map(|&n| f64::from(n)));
                        model.infer(&x)
                    }
                }
            })
            .collect();
        let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let outputs = concatenate(Axis(0), &parts).expect("as many outputs in each part");
        Predictions { labels, numbers, outputs }
    }

    /// The report of a run that predicts classes.
    fn report<'s, M: Layer<f32>>(
        &'s self,
        title: &str,
        history: &[Epoch<f64>],
        model: &M,
        sets: &'s Sets,
    ) -> Report<'s> {
        let images = match &sets.valid {
            Set::Pictures(split) => Some(split.images().view()),
            Set::Rows(_) => None,
        };
        let first = model.named_params().into_iter().next().and_then(|weight| {
            let shape: [usize; 2] = weight.shape.try_into().ok()?;
            Array2::from_shape_vec(shape, weight.values.to_vec()).ok()
        });
        Report {
            title: title.to_owned(),
            settings: vec![],
            made: vec![],
            files: &[],
            losses: losses(history),
            accuracies: measures(history),
            classes: sets.classes().to_vec(),
            images,
            labels: &self.labels,
            probabilities: self.outputs.view(),
            weights: first.filter(|w| w.nrows() == sets.features()),
            hidden: false,
            active: None,
            pad: None,
        }
    }
}

/// Training and validation loss by epoch.
pub fn losses<V>(history: &[Epoch<V>]) -> Vec<Curve> {
    let curve =
        |name, loss: fn(&Epoch<V>) -> f64| Curve::new(name, history.iter().map(loss).collect());
    vec![curve("train", |e| e.train.loss).training(), curve("valid", |e| e.valid.loss)]
}

/// What is measured beside the loss, of training and validation, by epoch.
fn measures(history: &[Epoch<f64>]) -> Vec<Curve> {
    let curve = |name, measure: fn(&Epoch<f64>) -> f64| {
        Curve::new(name, history.iter().map(measure).collect())
    };
    vec![curve("train", |e| e.train.metric).training(), curve("valid", |e| e.valid.metric)]
}
