//! What a report counts: predictions by confidence, by loss, by class and by pair of classes.

use crate::page::Report;

/// Groups of confidences.
const BINS: usize = 10;

/// A sample and its prediction.
pub(crate) struct Prediction {
    /// Its position.
    pub sample: usize,
    pub label: usize,
    /// The classes, the most probable first.
    pub order: Vec<usize>,
    /// Probability of the most probable class.
    pub confidence: f32,
    /// The loss: minus the logarithm of the label's probability.
    pub loss: f64,
}

impl Prediction {
    pub fn is_right(&self) -> bool {
        self.order[0] == self.label
    }
}

pub(crate) fn predictions(report: &Report<'_>) -> Vec<Prediction> {
    let of_sample = |sample: usize| {
        let (row, label) = (report.probabilities.row(sample), report.labels[sample]);
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let (confidence, loss) = (row[order[0]], (-f64::from(row[label]).ln()).max(0.0));
        Prediction { sample, label, order, confidence, loss }
    };
    (0..report.labels.len()).map(of_sample).collect()
}

/// The misclassified samples, the most confident mistakes first.
pub(crate) fn worst_mistakes(predictions: &[Prediction]) -> Vec<&Prediction> {
    let mut wrong: Vec<&Prediction> = predictions.iter().filter(|p| !p.is_right()).collect();
    wrong.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    wrong
}

/// The samples of the highest losses, the highest first.
pub(crate) fn top_losses(predictions: &[Prediction], most: usize) -> Vec<&Prediction> {
    let mut all: Vec<&Prediction> = predictions.iter().collect();
    all.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    all.truncate(most);
    all
}

/// Samples with about the same confidence.
pub(crate) struct Bin {
    pub confidence: f64,
    pub accuracy: f64,
    pub samples: usize,
}

pub(crate) fn bins(predictions: &[Prediction]) -> Vec<Bin> {
    let mut bins = [(0usize, 0usize, 0.0f64); BINS]; // samples, correct ones, sum of confidences
    for prediction in predictions {
        let bin = &mut bins[((prediction.confidence * BINS as f32) as usize).min(BINS - 1)];
        let right = usize::from(prediction.is_right());
        *bin = (bin.0 + 1, bin.1 + right, bin.2 + f64::from(prediction.confidence));
    }
    let mean = |&(samples, right, confidences): &(usize, usize, f64)| Bin {
        confidence: confidences / samples as f64,
        accuracy: right as f64 / samples as f64,
        samples,
    };
    bins.iter().filter(|b| b.0 > 0).map(mean).collect()
}

/// How often each class was predicted for each label: `counts[label][predicted]`.
pub(crate) fn counts(predictions: &[Prediction], classes: usize) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; classes]; classes];
    predictions.iter().for_each(|p| counts[p.label][p.order[0]] += 1);
    counts
}

/// A label and a class that was predicted for it instead, with how often: the most frequent first.
pub(crate) fn most_confused(counts: &[Vec<usize>]) -> Vec<(usize, usize, usize)> {
    let mut pairs = vec![];
    for (label, row) in counts.iter().enumerate() {
        let others = row.iter().enumerate().filter(|&(class, &n)| class != label && n > 0);
        pairs.extend(others.map(|(class, &n)| (label, class, n)));
    }
    pairs.sort_by_key(|&(.., n)| std::cmp::Reverse(n));
    pairs
}

/// How well a class is found. What would be divided by zero is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scores {
    /// Samples of the class.
    pub samples: usize,
    /// Of those that were predicted to be of the class, the share that is.
    pub precision: Option<f64>,
    /// Of those that are of the class, the share that was found.
    pub recall: Option<f64>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
}

pub(crate) fn scores(counts: &[Vec<usize>]) -> Vec<Scores> {
    let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
    let of_class = |class: usize| {
        let right = counts[class][class];
        let samples: usize = counts[class].iter().sum();
        let predicted: usize = counts.iter().map(|row| row[class]).sum();
        Scores {
            samples,
            precision: share(right, predicted),
            recall: share(right, samples),
            f1: share(2 * right, samples + predicted),
        }
    };
    (0..counts.len()).map(of_class).collect()
}

/// The mean over the classes: each alike (macro), or by their samples. Classes without samples do not
/// count; what is not defined for a class counts as 0.
pub(crate) fn mean(scores: &[Scores], weighted: bool) -> Scores {
    let weight =
        |s: &Scores| if weighted { s.samples as f64 } else { f64::from(u8::from(s.samples > 0)) };
    let all: f64 = scores.iter().map(weight).sum();
    let of = |value: fn(&Scores) -> Option<f64>| {
        let sum: f64 = scores.iter().map(|s| weight(s) * value(s).unwrap_or(0.0)).sum();
        (all > 0.0).then(|| sum / all)
    };
    Scores {
        samples: scores.iter().map(|s| s.samples).sum(),
        precision: of(|s| s.precision),
        recall: of(|s| s.recall),
        f1: of(|s| s.f1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are scikit-learn's, of `classification_report` with `zero_division=0`. (Where a class has
    /// no samples, scikit-learn's macro average counts it with 0; ours leaves it out.)
    #[test]
    fn precision_recall_and_f1_are_those_of_others() {
        let counts = vec![vec![5, 1, 0], vec![2, 3, 0], vec![1, 1, 0]];
        let scores = scores(&counts);
        assert_eq!(scores[0].precision, Some(0.625));
        assert_eq!(scores[0].recall, Some(5.0 / 6.0));
        assert_eq!(scores[0].f1, Some(10.0 / 14.0));
        assert_eq!((scores[2].precision, scores[2].recall), (None, Some(0.0)));
        let (even, weighted) = (mean(&scores, false), mean(&scores, true));
        let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
        assert!(near(even.precision, (0.625 + 0.6) / 3.0));
        assert!(near(even.f1, (10.0 / 14.0 + 0.6) / 3.0));
        assert!(near(weighted.recall, 8.0 / 13.0)); // the accuracy
        assert_eq!(most_confused(&counts), [(1, 0, 2), (0, 1, 1), (2, 0, 1), (2, 1, 1)]);
    }
}
