//! What the playground computes: a net that is trained step by step on the digits, and what a page wants to know
//! of it. [`exports`] is what the page calls, by way of WebAssembly.

pub mod exports;

use std::ops::ControlFlow;

use hmac_sha256::Hash;
use longhand_idx::Reader;
use longhand_layers::ndarray::{Array2, Ix1, Ix3};
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{
    Activation, Chain, Dropout, Layer, Parameters, SoftmaxCrossEntropy, UnknownActivation,
    mlp_with, softmax,
};
use longhand_mnist::{Dataset, Split};
use longhand_optim::{Adam, AdamW, Optimizer, RmsProp, Sgd};
use longhand_save::{AnyLayer, Input, Model, Output};
use longhand_train::{
    Accuracy, Batch, Data, Diverged, Epoch, Flow, Observer, Progress, Step, Training,
};
use serde::Serialize;

/// The widest hidden layer, and the most of them: what a page can train and show.
const WIDEST: usize = 2000;
const DEEPEST: usize = 5;

/// The most copies of each image: a page has no more than a few hundred megabytes.
const MOST_COPIES: usize = 20;

/// What the page lets one choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Widths of the hidden layers; none for logistic regression.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers, by its word.
    pub activation: String,
    /// Share of the hidden units that is left out in each step.
    pub dropout: f64,
    /// `sgd`, `adam`, `adamw` or `rmsprop`.
    pub optimizer: String,
    /// Learning rate.
    pub learning_rate: f64,
    /// Momentum of `sgd` and `rmsprop`.
    pub momentum: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Images per update.
    pub batch_size: usize,
    /// Images of each digit in either set.
    pub per_class: usize,
    /// Copies of each training image that are learned as well, shifted and scaled a little.
    pub augment: usize,
    /// Decides the draw, the initial weights and the order.
    pub seed: u64,
}

/// The homework's net and settings.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            hidden: vec![30],
            activation: "relu".to_owned(),
            dropout: 0.0,
            optimizer: "sgd".to_owned(),
            learning_rate: 0.1,
            momentum: 0.0,
            weight_decay: 0.0,
            batch_size: 16,
            per_class: 500,
            augment: 0,
            seed: 42,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), String> {
        let wrong = |what: &str, expected: &str, found: &dyn std::fmt::Display| {
            Err(format!("{what}: expected {expected}, found {found}"))
        };
        if self.hidden.len() > DEEPEST {
            return wrong("hidden widths", &format!("at most {DEEPEST}"), &self.hidden.len());
        }
        if let Some(width) = self.hidden.iter().find(|width| !(1..=WIDEST).contains(*width)) {
            return wrong("hidden widths", &format!("widths from 1 to {WIDEST}"), width);
        }
        if self.augment > MOST_COPIES {
            return wrong("copies", &format!("at most {MOST_COPIES}"), &self.augment);
        }
        for (what, share) in [("dropout", self.dropout), ("momentum", self.momentum)] {
            if !(0.0..1.0).contains(&share) {
                return wrong(what, "0 or more and less than 1", &share);
            }
        }
        for (what, rate) in
            [("learning rate", self.learning_rate), ("weight decay", self.weight_decay)]
        {
            if !(rate.is_finite() && rate >= 0.0) {
                return wrong(what, "a number, 0 or more", &rate);
            }
        }
        if self.batch_size == 0 {
            return wrong("batch size", "1 or more", &self.batch_size);
        }
        if self.per_class == 0 {
            return wrong("images per digit", "1 or more", &self.per_class);
        }
        Ok(())
    }
}

type Net = Vec<AnyLayer<f32>>;

/// The digits, and a net that is being trained on some of them.
pub struct Playground {
    all: Dataset,
    digits: Dataset,
    net: Net,
    optimizer: Box<dyn Optimizer<f32, Net> + Send>,
    training: Training<SoftmaxCrossEntropy, Accuracy>,
    progress: Progress<f64>,
    diverged: Option<String>,
}

/// How far training has come, for the page.
#[derive(Debug, Serialize)]
pub struct State {
    /// The epoch that is being trained, from 1.
    pub epoch: usize,
    /// Steps of it that are done.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Epochs that are done, without the one before training.
    pub epochs: usize,
    /// The epochs from `from` on: loss and accuracy in training, loss and accuracy in validation.
    pub history: Vec<[f64; 4]>,
    /// Why training cannot go on.
    pub diverged: Option<String>,
    /// Parameters of the net.
    pub parameters: usize,
}

/// Stops after so many steps.
struct Steps(usize);

impl Observer<Net, f64> for Steps {
    type Error = Diverged<f64>;

    fn step(&mut self, _: &Step, _: &Net) -> Flow<Diverged<f64>> {
        self.0 = self.0.saturating_sub(1);
        Ok(if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// An epoch is always shown.
    fn epoch(&mut self, _: &Epoch<f64>, _: &Net) -> Flow<Diverged<f64>> {
        Ok(ControlFlow::Break(()))
    }
}

/// The digits of four IDX files, plain or gzip: images and labels to learn from, images and labels to validate with.
///
/// # Errors
/// A file is damaged or holds something else.
pub fn digits(files: [&[u8]; 4]) -> Result<Dataset, String> {
    let array = |file| {
        let array = Reader::new(file).and_then(Reader::into_array::<u8>);
        array.map_err(|error| format!("the digits: {error}"))
    };
    let split = |images, labels| {
        let images = array(images)?.into_dimensionality::<Ix3>();
        let labels = array(labels)?.into_dimensionality::<Ix1>();
        match (images, labels) {
            (Ok(images), Ok(labels))
                if images.dim().0 == labels.len() && labels.iter().all(|&l| l < 10) =>
            {
                Ok(Split::new(images, labels.to_vec()))
            }
            _ => Err("the digits: expected images and as many labels from 0 to 9, found others"
                .to_owned()),
        }
    };
    let [train_images, train_labels, test_images, test_labels] = files;
    Ok(Dataset {
        train: split(train_images, train_labels)?,
        test: split(test_images, test_labels)?,
        class_names: (0..10).map(|digit| digit.to_string()).collect(),
        source: "embedded MNIST subset".into(),
    })
}

impl Playground {
    /// A net on these digits, which is not trained yet.
    ///
    /// # Errors
    /// A setting is not valid; the message says which.
    pub fn new(all: Dataset, settings: &Settings) -> Result<Playground, String> {
        settings.check()?;
        let mut digits = all
            .draw_per_class(settings.per_class, settings.seed)
            .map_err(|error| error.to_string())?;
        if settings.augment > 0 {
            digits.train = digits.train.with_copies(settings.augment, settings.seed);
        }
        let net = net(settings, digits.train.features(), digits.train.classes())?;
        let optimizer = optimizer(settings, &net)?;
        let training = Training {
            loss: SoftmaxCrossEntropy,
            metric: Accuracy,
            epochs: usize::MAX - 1,
            batch_size: settings.batch_size,
            seed: settings.seed,
        };
        let progress = Progress::default();
        Ok(Playground { all, digits, net, optimizer, training, progress, diverged: None })
    }

    /// Begins again with other settings.
    ///
    /// # Errors
    /// As those of [`new`](Playground::new); then all is as it was.
    pub fn restart(&mut self, settings: &Settings) -> Result<(), String> {
        *self = Playground::new(self.all.clone(), settings)?;
        Ok(())
    }

    /// Trains for so many steps, or to the end of the epoch. The first call only evaluates.
    pub fn train(&mut self, steps: usize) {
        if self.diverged.is_some() {
            return;
        }
        let Dataset { train, test, .. } = &self.digits;
        let (net, optimizer, observer) =
            (&mut self.net, &mut self.optimizer, &mut Steps(steps.max(1)));
        let trained =
            self.training.resume(&mut self.progress, net, optimizer, train, test, observer);
        self.diverged = trained.err().map(|diverged| diverged.to_string());
    }

    /// Changes the learning rate of the steps to come.
    ///
    /// # Errors
    /// It is not valid.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), String> {
        Settings { learning_rate, ..Settings::default() }.check()?;
        self.optimizer.set_learning_rate(learning_rate);
        Ok(())
    }

    /// How far training has come, with the epochs from this one on.
    pub fn state(&self, from: usize) -> State {
        let Progress { history, partial } = &self.progress;
        let row = |e: &Epoch<f64>| [e.train.loss, e.train.metric, e.valid.loss, e.valid.metric];
        State {
            epoch: self.progress.epoch(),
            step: partial.steps,
            steps: self.digits.train.len().div_ceil(self.training.batch_size),
            epochs: history.len().saturating_sub(1),
            history: history.iter().skip(from).map(row).collect(),
            diverged: self.diverged.clone(),
            parameters: self.net.count(),
        }
    }

    /// What the net says of an image, of which 255 is ink: the probabilities of the classes, and the outputs of
    /// the first hidden layer behind its activation, or without one the logits.
    ///
    /// # Errors
    /// The image has another number of pixels.
    pub fn read(&self, image: &[u8]) -> Result<(Vec<f32>, Vec<f32>), String> {
        let pixels: Vec<f32> = image.iter().map(|&ink| f32::from(ink) / 255.0).collect();
        let expected = self.digits.train.features();
        let x = Array2::from_shape_vec((1, expected), pixels)
            .map_err(|_| format!("expected {expected} pixels, found {}", image.len()))?;
        let second = self.net.iter().skip(1).position(|layer| matches!(layer, AnyLayer::Linear(_)));
        let hidden = second.map_or(self.net.len(), |at| at + 1);
        let units = self.net[..hidden].iter().fold(x, |x, layer| layer.infer(&x));
        let logits = self.net[hidden..].iter().fold(units.clone(), |x, layer| layer.infer(&x));
        Ok((softmax(logits).into_raw_vec_and_offset().0, units.iter().copied().collect()))
    }

    /// For each validation image: its label, the class that is predicted, and that class's probability in percent.
    pub fn predictions(&self) -> Vec<u8> {
        let test = &self.digits.test;
        let positions: Vec<usize> = (0..test.len()).collect();
        let mut all = Vec::with_capacity(3 * test.len());
        for positions in positions.chunks(1000) {
            let Batch { x, targets } = Data::<f32>::batch(test, positions);
            let p = softmax(self.net.infer(&x));
            for (row, label) in p.rows().into_iter().zip(targets) {
                let predicted = longhand_train::argmax(&row);
                all.extend([label as u8, predicted as u8, (100.0 * row[predicted]).round() as u8]);
            }
        }
        all
    }

    /// A validation image, row by row, 255 for ink.
    ///
    /// # Errors
    /// There is no such image.
    pub fn image(&self, at: usize) -> Result<Vec<u8>, String> {
        let test: &Split = &self.digits.test;
        match at < test.len() {
            true => Ok(test.image(at).iter().copied().collect()),
            false => Err(format!("expected an image below {}, found {at}", test.len())),
        }
    }

    /// The weights of the first layer, `[pixels, units]`, row by row.
    pub fn weights(&self) -> Vec<f32> {
        self.net.named_params().first().map(|weight| weight.values.to_vec()).unwrap_or_default()
    }

    /// SHA-256 of all parameters, as a run writes it.
    pub fn hash(&self) -> String {
        let mut hash = Hash::new();
        self.net.params().into_iter().flatten().for_each(|value| hash.update(value.to_le_bytes()));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The model's file, which `--load` and `predict` take.
    ///
    /// # Errors
    /// A weight is not finite.
    pub fn model(&self) -> Result<Vec<u8>, String> {
        let (_, rows, columns) = self.digits.train.images().dim();
        let input = Input::Picture { rows, columns, centred: true };
        let output = Output::classes(self.digits.class_names.clone());
        let model = Model { input, output, layers: self.net.clone() };
        model.to_bytes().map_err(|error| error.to_string())
    }
}

/// The net as `mlp` and `logistic` make it.
fn net(settings: &Settings, features: usize, classes: usize) -> Result<Net, String> {
    let activation: Activation = settings
        .activation
        .parse()
        .map_err(|error: UnknownActivation| format!("activation: {error}"))?;
    let dropout = |i: usize| {
        (settings.dropout > 0.0)
            .then(|| Dropout::new(settings.dropout, settings.seed.wrapping_add(i as u64)))
    };
    let widths = [&[features][..], &settings.hidden, &[classes]].concat();
    let between = |i| Chain { first: activation, second: dropout(i) };
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(settings.seed);
    Ok(Model::of(&mlp_with::<f32, _>(&widths, between, rng)).layers)
}

fn optimizer(
    settings: &Settings,
    net: &Net,
) -> Result<Box<dyn Optimizer<f32, Net> + Send>, String> {
    let Settings { learning_rate, momentum, weight_decay, .. } = *settings;
    Ok(match settings.optimizer.as_str() {
        "sgd" => {
            Box::new(Sgd { learning_rate, momentum, weight_decay, ..Sgd::default() }.init(net))
        }
        "adam" => Box::new(Adam { learning_rate, weight_decay, ..Adam::default() }.init(net)),
        "adamw" => Box::new(AdamW { learning_rate, weight_decay, ..AdamW::default() }.init(net)),
        "rmsprop" => Box::new(
            RmsProp { learning_rate, momentum, weight_decay, ..RmsProp::default() }.init(net),
        ),
        other => {
            return Err(format!("optimizer: expected sgd, adam, adamw or rmsprop, found {other}"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained(settings: &Settings, budget: usize, epochs: usize) -> Playground {
        let mut playground = Playground::new(Dataset::embedded(), settings).unwrap();
        while playground.state(0).epochs < epochs {
            playground.train(budget);
        }
        playground
    }

    /// However a page cuts training into parts, and like the run `mlp --per-class 50 --epochs 3`.
    #[test]
    fn the_weights_do_not_depend_on_how_training_is_cut() {
        let settings = Settings { per_class: 50, ..Settings::default() };
        let (short, long) = (trained(&settings, 1, 3), trained(&settings, 1000, 3));
        assert_eq!(short.hash(), long.hash());
        assert_eq!(short.state(0).history, long.state(0).history);
        assert_ne!(long.hash(), trained(&settings, 1000, 2).hash());
    }

    #[test]
    fn a_net_reads_as_its_file_does() {
        let settings = Settings {
            hidden: vec![20, 12],
            activation: "tanh".to_owned(),
            per_class: 100,
            ..Settings::default()
        };
        let playground = trained(&settings, 50, 4);
        let folder =
            std::env::temp_dir().join(format!("longhand-playground-{}", std::process::id()));
        std::fs::write(&folder, playground.model().unwrap()).unwrap();
        let model = Model::<f32>::load(&folder);
        std::fs::remove_file(&folder).unwrap();
        let model = model.unwrap();
        let image = playground.image(7).unwrap();
        let (p, units) = playground.read(&image).unwrap();
        let x = Array2::from_shape_fn((1, 784), |(_, i)| f32::from(image[i]) / 255.0);
        assert_eq!(softmax(model.infer(&x)).row(0).to_vec(), p);
        assert_eq!(units.len(), 20);
        assert!(units.iter().all(|unit| unit.abs() <= 1.0));
        let seen = &playground.predictions()[3 * 7..][..3];
        let likeliest = (0..10).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap();
        assert_eq!(
            (usize::from(seen[1]), f32::from(seen[2])),
            (likeliest, (100.0 * p[likeliest]).round())
        );
        assert_eq!(playground.weights().len(), 784 * 20);
        assert!(playground.read(&[0; 3]).unwrap_err().contains("expected 784 pixels, found 3"));
    }

    #[test]
    fn settings_that_cannot_be_are_refused_and_change_nothing() {
        let mut playground = Playground::new(Dataset::embedded(), &Settings::default()).unwrap();
        let hash = playground.hash();
        for (settings, expected) in [
            (Settings { hidden: vec![0], ..Settings::default() }, "widths from 1 to 2000, found 0"),
            (Settings { hidden: vec![9; 6], ..Settings::default() }, "at most 5, found 6"),
            (
                Settings { activation: "step".to_owned(), ..Settings::default() },
                "activation: expected one of relu",
            ),
            (Settings { optimizer: "lion".to_owned(), ..Settings::default() }, "found lion"),
            (
                Settings { learning_rate: -1.0, ..Settings::default() },
                "learning rate: expected a number, 0 or more, found -1",
            ),
            (Settings { dropout: 1.0, ..Settings::default() }, "dropout"),
            (
                Settings { augment: 21, ..Settings::default() },
                "copies: expected at most 20, found 21",
            ),
            (Settings { batch_size: 0, ..Settings::default() }, "batch size"),
            (Settings { per_class: 501, ..Settings::default() }, "cannot draw 501"),
        ] {
            let refused = playground.restart(&settings).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
        assert_eq!(playground.hash(), hash);
    }

    #[test]
    fn training_that_diverges_stops_and_says_so() {
        let settings = Settings { learning_rate: 1e20, per_class: 20, ..Settings::default() };
        let mut playground = Playground::new(Dataset::embedded(), &settings).unwrap();
        for _ in 0..5 {
            playground.train(100);
        }
        let state = playground.state(0);
        assert!(state.diverged.is_some() && state.epochs < 2, "{state:?}");
    }
}
