//! What a run learns from: samples to train on and to validate with.

use hmac_sha256::Hash;
use longhand_data::{Samples, Targets};
use longhand_mnist::{Dataset, Split};
use longhand_save::{Feature, Input, Output};
use longhand_train::{Batch, Data};
use ndarray::{Array2, Axis};

use crate::loss::Measure;
use crate::{Failure, hex};

/// The most that images and their copies may take. While they are made, they take twice as much.
const MOST_BYTES: usize = 1 << 30;

/// What a run learns from.
#[derive(Clone, Debug)]
pub struct Sets {
    /// The samples to train on.
    pub train: Set,
    /// The samples to validate with.
    pub valid: Set,
    /// Where they came from, for people.
    pub source: String,
    /// What their features are.
    pub input: Input,
    /// What is predicted of them.
    pub output: Output,
}

/// Samples with their answers.
#[derive(Clone, Debug)]
pub enum Set {
    /// Pictures, whose pixels are divided by 255.
    Pictures(Split),
    /// Rows of standardised numbers.
    Rows(Samples<f32, Answers>),
}

/// What is to be predicted of each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// Its class.
    Labels(Vec<usize>),
    /// A number, standardised: `[n, 1]`.
    Numbers(Array2<f32>),
}

impl Default for Answers {
    fn default() -> Answers {
        Answers::Labels(vec![])
    }
}

impl Targets for Answers {
    fn count(&self) -> usize {
        match self {
            Answers::Labels(labels) => labels.len(),
            Answers::Numbers(numbers) => numbers.nrows(),
        }
    }

    fn select_into(&self, positions: &[usize], batch: &mut Answers) {
        match (self, &mut *batch) {
            (Answers::Labels(labels), Answers::Labels(batch)) => {
                labels.select_into(positions, batch)
            }
            (Answers::Labels(labels), _) => {
                *batch = Answers::Labels(positions.iter().map(|&i| labels[i]).collect());
            }
            (Answers::Numbers(numbers), _) => {
                *batch = Answers::Numbers(numbers.select(Axis(0), positions));
            }
        }
    }
}

impl Data<f32> for Set {
    type Targets = Answers;

    fn len(&self) -> usize {
        match self {
            Set::Pictures(split) => split.len(),
            Set::Rows(rows) => Data::<f32>::len(rows),
        }
    }

    fn batch_into(&self, positions: &[usize], batch: &mut Batch<f32, Answers>) {
        match self {
            Set::Rows(rows) => rows.batch_into(positions, batch),
            Set::Pictures(split) => {
                let targets = match std::mem::take(&mut batch.targets) {
                    Answers::Labels(labels) => labels,
                    Answers::Numbers(_) => vec![],
                };
                let mut inner = Batch { x: std::mem::take(&mut batch.x), targets };
                split.batch_into(positions, &mut inner);
                *batch = Batch { x: inner.x, targets: Answers::Labels(inner.targets) };
            }
        }
    }
}

impl Set {
    /// The first samples.
    fn first(&self, n: usize) -> Set {
        let n = n.min(Data::<f32>::len(self));
        let positions: Vec<usize> = (0..n).collect();
        match self {
            Set::Pictures(split) => Set::Pictures(split.select(&positions)),
            Set::Rows(rows) => {
                let Batch { x, targets } = rows.batch(&positions);
                Set::Rows(Samples::new(x, targets))
            }
        }
    }

    fn features(&self) -> usize {
        match self {
            Set::Pictures(split) => split.features(),
            Set::Rows(rows) => rows.x().ncols(),
        }
    }

    fn hash_into(&self, hash: &mut Hash) {
        match self {
            Set::Pictures(split) => {
                hash.update(split.images().as_slice().expect("standard layout"));
                hash.update(split.labels());
            }
            Set::Rows(rows) => {
                rows.x().iter().for_each(|x| hash.update(x.to_le_bytes()));
                match rows.targets() {
                    Answers::Labels(labels) => {
                        labels.iter().for_each(|l| hash.update(l.to_le_bytes()))
                    }
                    Answers::Numbers(numbers) => {
                        numbers.iter().for_each(|n| hash.update(n.to_le_bytes()))
                    }
                }
            }
        }
    }
}

impl From<Dataset> for Sets {
    fn from(dataset: Dataset) -> Sets {
        let (_, rows, columns) = dataset.train.images().dim();
        // Most of a thousand tell what all of them are.
        let images = dataset.train.images().outer_iter().take(1000);
        let all = images.len();
        let centred = images.filter(|image| longhand_mnist::is_centred(image)).count();
        Sets {
            source: dataset.source.into_owned(),
            input: Input::Picture { rows, columns, centred: 20 * centred >= 19 * all },
            output: Output::Classes(dataset.class_names),
            train: Set::Pictures(dataset.train),
            valid: Set::Pictures(dataset.test),
        }
    }
}

impl Sets {
    /// Numbers of a sample.
    pub fn features(&self) -> usize {
        self.train.features()
    }

    /// Numbers that a net is to give for a sample.
    pub fn outputs(&self) -> usize {
        self.classes().len().max(1)
    }

    /// The names of the classes; none where a number is predicted.
    pub fn classes(&self) -> &[String] {
        match &self.output {
            Output::Classes(names) => names,
            _ => &[],
        }
    }

    /// The pictures to train on and to validate with.
    ///
    /// # Errors
    /// The samples are no pictures.
    pub fn pictures(&self) -> Result<(&Split, &Split), Failure> {
        match (&self.train, &self.valid) {
            (Set::Pictures(train), Set::Pictures(valid)) => Ok((train, valid)),
            _ => Err(Failure::Run(format!(
                "--data: expected pictures, found a table, {}; tables are for the example mlp, without --check",
                self.source
            ))),
        }
    }

    /// The pictures with the names of their classes.
    ///
    /// # Errors
    /// The samples are no pictures.
    pub fn dataset(&self) -> Result<Dataset, Failure> {
        let (train, test) = self.pictures()?;
        let (train, test) = (train.clone(), test.clone());
        let source = self.source.clone().into();
        Ok(Dataset { train, test, class_names: self.classes().to_vec(), source })
    }

    /// The same with the first training samples only.
    pub(crate) fn with_first(self, n: usize) -> Sets {
        Sets { train: self.train.first(n), ..self }
    }

    /// The same with so many copies of each training image, shifted and scaled a little.
    ///
    /// # Errors
    /// The samples are no pictures, or there would be more than fit in memory.
    pub(crate) fn with_copies(self, copies: usize, seed: u64) -> Result<Sets, Failure> {
        if copies == 0 {
            return Ok(self);
        }
        let (train, _) = self.pictures().map_err(|_| {
            Failure::Usage(format!(
                "--augment: expected pictures as --data, found a table, {}; leave it out",
                self.source
            ))
        })?;
        let bytes = train.images().len().saturating_mul(copies.saturating_add(1));
        if bytes > MOST_BYTES {
            return Err(Failure::Usage(format!(
                "--augment: expected at most {} copies of {} images, found {copies}",
                (MOST_BYTES / train.images().len().max(1)).saturating_sub(1),
                train.len()
            )));
        }
        let train = train.with_copies(copies, seed);
        let source = format!("{} with {copies} changed copies", self.source);
        Ok(Sets { train: Set::Pictures(train), source, ..self })
    }

    /// SHA-256 of what is trained on and validated with, in its order.
    pub(crate) fn identity(&self) -> String {
        identity(&self.train, &self.valid)
    }

    /// What tells these samples from others: their hash, and what is predicted of them.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{} {:?}", self.identity(), self.output)
    }

    /// What is measured beside the loss.
    pub(crate) fn measure(&self) -> Measure {
        match &self.output {
            Output::Number(Feature { deviation, .. }) => Measure::Error { deviation: *deviation },
            _ => Measure::Accuracy,
        }
    }

    /// Where the samples are from and how many they are.
    pub(crate) fn text(&self) -> String {
        let Sets { train, valid, source, .. } = self;
        let what = if matches!(train, Set::Pictures(_)) { "images" } else { "samples" };
        let [train, valid] = [train, valid].map(Data::<f32>::len);
        format!("{source}: {train} training and {valid} validation {what}")
    }
}

/// SHA-256 of two sets.
pub(crate) fn identity(train: &Set, valid: &Set) -> String {
    let mut hash = Hash::new();
    train.hash_into(&mut hash);
    valid.hash_into(&mut hash);
    hex(&hash.finalize())
}
