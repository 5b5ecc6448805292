use longhand_layers::Layer;
use longhand_mnist::Dataset;
use longhand_mnist::Split;
use longhand_report::{Curve, Report};
use longhand_train::Epoch;
use ndarray::{Array2, Axis};

/// What the model takes each image for: the softmax of its logits, `[n, classes]`.
fn probabilities<M: Layer<f32>>(model: &M, digits: &Split) -> Array2<f32> {
    let all: Vec<usize> = (0..digits.len()).collect();
    let rows = all.chunks(1000).flat_map(|chunk| {
        let mut z = model.infer(&digits.batch(chunk).0);
        for mut z in z.rows_mut() {
            let max = z.fold(f32::NEG_INFINITY, |m, &z| m.max(z));
            z.mapv_inplace(|z| longhand_layers::Float::exp(z - max));
            let total = z.sum();
            z /= total;
        }
        z.into_raw_vec_and_offset().0
    });
    let rows: Vec<f32> = rows.collect();
    let classes = rows.len() / all.len();
    Array2::from_shape_vec((all.len(), classes), rows).expect("a row for each image")
}

/// What a model answers on the validation images, and what would have been right.
pub struct Answers {
    labels: Vec<usize>,
    probabilities: Array2<f32>,
}

impl Answers {
    pub fn new<M: Layer<f32>>(model: &M, valid: &Split) -> Answers {
        let labels = valid.labels().iter().map(|&l| usize::from(l)).collect();
        Answers { labels, probabilities: probabilities(model, valid) }
    }

    /// The report of a run.
    pub fn report<'a, M: Layer<f32>>(
        &'a self,
        title: &str,
        settings: Vec<(String, String)>,
        history: &[Epoch],
        model: &M,
        digits: &'a Dataset,
    ) -> Report<'a> {
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
            weights: first.filter(|w| w.len_of(Axis(0)) == super::PIXELS),
        }
    }
}

/// Training and validation loss.
pub fn losses(history: &[Epoch]) -> Vec<Curve> {
    let curve =
        |name, loss: fn(&Epoch) -> f64| Curve::new(name, history.iter().map(loss).collect());
    vec![curve("train", |e| e.train.loss), curve("valid", |e| e.valid.loss)]
}

fn accuracies(history: &[Epoch]) -> Vec<Curve> {
    let curve = |name, accuracy: fn(&Epoch) -> f64| {
        Curve::new(name, history.iter().map(accuracy).collect())
    };
    vec![curve("train", |e| e.train.accuracy), curve("valid", |e| e.valid.accuracy)]
}
