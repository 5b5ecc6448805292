use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use ndarray::{Array1, Array2, ArrayRef2, Axis};

use crate::{generator, shuffle_first};

/// Whole numbers of at most so many values are taken for classes, where nothing else is said.
const MOST_CLASSES: usize = 20;

/// A table: samples as rows of numbers, with a class or a number to predict for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The names of the features; their numbers, from 1, where the file does not name them.
    pub names: Vec<String>,
    /// The features, `[n, features]`.
    pub x: Array2<f64>,
    /// The name of what is to be predicted.
    pub target_name: String,
    /// What is to be predicted.
    pub target: Target,
}

/// What is to be predicted of each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class.
    Classes {
        /// The names of the classes, in the order of numbers or letters.
        names: Vec<String>,
        /// The class of each sample.
        labels: Vec<usize>,
    },
    /// A number.
    Numbers(Vec<f64>),
}

/// Whether classes or numbers are to be predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Predict {
    /// Classes, where the targets are texts or few whole numbers; else numbers.
    #[default]
    Either,
    /// Classes, whatever they are called.
    Class,
    /// Numbers.
    Number,
}

impl Target {
    /// Targets from words. Numbers are needed where numbers are to be predicted.
    ///
    /// # Errors
    /// The position of the first word that is no number, where numbers are asked for.
    ///
    /// ```
    /// use longhand_data::{Predict, Target};
    ///
    /// let target = Target::of_words(&["b", "a", "b"], Predict::Either).unwrap();
    /// assert_eq!(target, Target::Classes { names: vec!["a".into(), "b".into()], labels: vec![1, 0, 1] });
    /// let target = Target::of_words(&["0.5", "2"], Predict::Either).unwrap();
    /// assert_eq!(target, Target::Numbers(vec![0.5, 2.0]));
    /// ```
    pub fn of_words(words: &[impl AsRef<str>], predict: Predict) -> Result<Target, usize> {
        let numbers: Vec<Option<f64>> = words.iter().map(|word| number(word.as_ref())).collect();
        let first_text = numbers.iter().position(Option::is_none);
        let texts = numbers.iter().filter(|number| number.is_none()).count();
        let distinct: BTreeSet<&str> = words.iter().map(AsRef::as_ref).collect();
        let few = distinct.len() <= MOST_CLASSES && 2 * distinct.len() <= words.len();
        let whole = |n: &Option<f64>| n.is_some_and(|n| n.fract() == 0.0);
        match predict {
            Predict::Number => {}
            Predict::Class => return Ok(Target::classes(words)),
            // A text among numbers is no class: it stands for a number that is not known.
            Predict::Either if 10 * texts > words.len() => return Ok(Target::classes(words)),
            Predict::Either if few && numbers.iter().all(whole) => {
                return Ok(Target::classes(words));
            }
            Predict::Either => {}
        }
        match first_text {
            Some(position) => Err(position),
            None => Ok(Target::Numbers(numbers.into_iter().flatten().collect())),
        }
    }

    /// The words as names of classes. `1` and `1.0` are one.
    fn classes(words: &[impl AsRef<str>]) -> Target {
        let numbers: Option<Vec<f64>> = words.iter().map(|word| number(word.as_ref())).collect();
        let words: Vec<String> = match numbers {
            Some(numbers) => numbers.iter().map(|n| (n + 0.0).to_string()).collect(),
            None => words.iter().map(|word| word.as_ref().to_owned()).collect(),
        };
        let mut names: Vec<&String> = words.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let value = |name: &&String| number(name);
        if names.iter().all(|name| value(name).is_some()) {
            names.sort_by(|a, b| value(a).unwrap_or(0.0).total_cmp(&value(b).unwrap_or(0.0)));
        }
        let positions: BTreeMap<&String, usize> =
            names.iter().enumerate().map(|(i, name)| (*name, i)).collect();
        let labels = words.iter().map(|word| positions[word]).collect();
        Target::Classes { names: names.into_iter().cloned().collect(), labels }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Target::Classes { labels, .. } => labels.len(),
            Target::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A finite number in decimal notation.
pub(crate) fn number(word: &str) -> Option<f64> {
    let word = word.trim();
    let plain =
        word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    word.parse().ok().filter(|n: &f64| plain && n.is_finite())
}

impl Table {
    /// Positions to train on and positions to validate with, each ascending: a share of the samples,
    /// drawn at random with a seed; of each class the same share, and at least one where a class has
    /// two.
    ///
    /// # Panics
    /// The share is not in `0..1`.
    #[track_caller]
    pub fn split(&self, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
        assert!((0.0..1.0).contains(&share), "Table: a share of {share}, expected 0 to below 1");
        // Streams of draws count down from the top, those of epochs up from 1.
        let mut rng = generator(seed, u64::MAX - 3);
        let classes: Vec<Vec<usize>> = match &self.target {
            Target::Numbers(numbers) => vec![(0..numbers.len()).collect()],
            Target::Classes { names, labels } => (0..names.len())
                .map(|class| (0..labels.len()).filter(|&i| labels[i] == class).collect())
                .collect(),
        };
        let (mut train, mut valid) = (vec![], vec![]);
        for mut positions in classes {
            let n = (share * positions.len() as f64).round() as usize;
            let n = n.max(1).min(positions.len().saturating_sub(1));
            shuffle_first(&mut positions, n, &mut rng);
            valid.extend_from_slice(&positions[..n]);
            train.extend_from_slice(&positions[n..]);
        }
        train.sort_unstable();
        valid.sort_unstable();
        (train, valid)
    }
}

/// The mean and the standard deviation of each feature over a set: what brings it to mean 0 and
/// deviation 1.
///
/// ```
/// use longhand_data::Standard;
/// use ndarray::array;
///
/// let standard = Standard::of(&array![[1.0, 5.0], [3.0, 5.0]]);
/// assert_eq!((standard.mean.to_vec(), standard.deviation.to_vec()), (vec![2.0, 5.0], vec![1.0, 1.0]));
/// assert_eq!(standard.apply(&array![[1.0, 7.0]]), array![[-1.0, 2.0]]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standard {
    /// The means.
    pub mean: Array1<f64>,
    /// The standard deviations; 1 where a feature is the same throughout.
    pub deviation: Array1<f64>,
}

impl Standard {
    /// Those of a set, `[n, features]`.
    pub fn of(x: &ArrayRef2<f64>) -> Standard {
        let n = x.nrows().max(1) as f64;
        let mean = x.sum_axis(Axis(0)) / n;
        let squares = (&x.view() - &mean).mapv_into(|d| d * d).sum_axis(Axis(0)) / n;
        let deviation = squares.mapv_into(|square| square.sqrt());
        // A constant's deviation may come out as a trifle of its size.
        let constant =
            |deviation: f64, mean: f64| deviation <= 1e-12 * mean.abs() || deviation == 0.0;
        let deviation =
            ndarray::Zip::from(&deviation).and(&mean).map_collect(|&deviation, &mean| {
                if constant(deviation, mean) { 1.0 } else { deviation }
            });
        Standard { mean, deviation }
    }

    /// The same features, standardised.
    pub fn apply(&self, x: &ArrayRef2<f64>) -> Array2<f64> {
        (&x.view() - &self.mean) / &self.deviation
    }
}

/// Why a table could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where there are lines.
    pub line: Option<u64>,
    /// The column, from 1, and its name if it has one.
    pub column: Option<(usize, String)>,
    /// What was expected, what was found, and what to do.
    pub reason: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", shown(&self.path.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if let Some((column, name)) = &self.column {
                write!(f, ", column {column}")?;
                if !name.is_empty() {
                    write!(f, " ({})", shown(name))?;
                }
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for TableError {}

/// A text from a file as a message can show it: without control characters, and not of any length.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let escape =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut shown: String = text.chars().take(LONGEST).map(escape).collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_counted_and_named_in_their_order() {
        let names = |words: &[&str], predict| match Target::of_words(words, predict).unwrap() {
            Target::Classes { names, .. } => names,
            Target::Numbers(_) => vec![],
        };
        assert_eq!(names(&["10", "9", "9", "10", "9.0", "10"], Predict::Either), ["9", "10"]);
        assert_eq!(names(&["yes", "no", "1"], Predict::Either), ["1", "no", "yes"]);
        assert_eq!(names(&["1", "2", "3", "4"], Predict::Either), [""; 0], "too few of each");
        assert_eq!(names(&["1", "2", "3", "4"], Predict::Class).len(), 4);
        assert_eq!(names(&["-0", "0"], Predict::Class), ["0"]);
        assert_eq!(Target::of_words(&["1", "x"], Predict::Number), Err(1));
        for word in ["nan", "inf", "1e999", "", "0x1", "1_0"] {
            assert_eq!(number(word), None, "{word}");
        }
    }

    #[test]
    fn a_split_takes_a_share_of_each_class_and_every_sample_once() {
        let labels: Vec<usize> = (0..103).map(|i| usize::from(i % 10 == 0)).collect();
        let names = vec!["a".to_owned(), "b".to_owned()];
        let table = Table {
            names: vec![],
            x: Array2::zeros((103, 0)),
            target_name: String::new(),
            target: Target::Classes { names, labels: labels.clone() },
        };
        let (train, valid) = table.split(0.2, 1);
        assert_eq!(valid.iter().filter(|&&i| labels[i] == 1).count(), 2);
        assert_eq!(valid.len(), 2 + 18);
        let mut all = [train.clone(), valid.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..103).collect::<Vec<_>>());
        assert_eq!(table.split(0.2, 1), (train, valid.clone()));
        assert_ne!(table.split(0.2, 2).1, valid);
    }
}
