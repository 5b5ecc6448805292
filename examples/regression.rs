//! The digit as a regression target: nets with one output and the mean squared error, beside the
//! same nets as classifiers; and why that is bad.
//!
//! `cargo run --release --example regression`, and with `-- --help` what can be changed.

use std::borrow::Cow;
use std::process::ExitCode;

use clap::Parser;
use longhand_layers::{Float, Layer, Loss, MeanSquaredError, mlp};
use longhand_mnist::{Dataset, Split};
use longhand_report::HeatMap;
use longhand_run::task::{Task, classification};
use longhand_run::{
    Checks, DataFlags, Failure, Model, RunFolder, check_memory, count, exit, folder,
};
use longhand_run::{generator, identity, parse, terminal, whole};
use longhand_train::{Batch, Data, Metric, argmax};
use ndarray::{Array2, ArrayRef1, ArrayRef2, arr1};
use serde_json::json;
use terminal::print;

/// The mean squared distance of a single output from the label, as if classes were numbers.
#[derive(Clone)]
struct DistanceFromLabel;

fn as_numbers<F: Float>(labels: &[usize]) -> Array2<F> {
    Array2::from_shape_fn((labels.len(), 1), |(r, _)| F::from_f64(labels[r] as f64))
}

impl<F: Float> Loss<F> for DistanceFromLabel {
    type Target = [usize];

    fn loss(&self, y: &ArrayRef2<F>, labels: &[usize]) -> F {
        MeanSquaredError.loss(y, &as_numbers(labels))
    }

    fn loss_and_grad(&self, y: Array2<F>, labels: &[usize]) -> (F, Array2<F>) {
        MeanSquaredError.loss_and_grad(y, &as_numbers(labels))
    }
}

/// The digit that is nearest to a single output.
fn nearest(y: &ArrayRef1<f32>) -> usize {
    y[0].round().clamp(0.0, 9.0) as usize
}

/// The accuracy after rounding.
#[derive(Clone)]
struct NearestDigit;

impl Metric<f32, [usize]> for NearestDigit {
    type Value = f64;

    fn of_batch(&self, y: &ArrayRef2<f32>, labels: &[usize]) -> f64 {
        y.rows().into_iter().zip(labels).filter(|(y, label)| nearest(y) == **label).count() as f64
    }

    fn value(&self, mean: f64) -> f64 {
        mean
    }
}

const AS_NUMBER: Task<DistanceFromLabel, NearestDigit> = Task {
    loss: DistanceFromLabel,
    metric: NearestDigit,
    outputs: 1,
    rates: [0.005, 0.01],
    guess: Cow::Borrowed("mean t²"),
    // The first images' outputs y are much alike: their mean square adds σ² to that of the labels,
    // and −2·y·t is off by 2·4.5·σ, seldom by more than three times that.
    tolerance: |deviation| 27.0 * deviation + deviation * deviation,
    constant: 8.25, // the variance of the digits: 4.5 for every image
    least: 0.0,
};

/// The digit as a regression target, with the mean squared error; and why that is bad.
#[derive(Parser)]
struct Flags {
    /// Hidden units of the net with two layers
    #[arg(long, value_name = "W", default_value = "30", value_parser = count, allow_negative_numbers = true)]
    hidden: usize,
    /// How often each training image is seen
    #[arg(long, value_name = "N", default_value = "30", value_parser = count, allow_negative_numbers = true)]
    epochs: usize,
    /// Decides the initial weights and the order
    #[arg(long, value_name = "N", default_value = "42", value_parser = whole::<u64>, allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    data: DataFlags,
    /// Where regression.svg goes
    #[arg(long, value_name = "DIR", default_value = "runs/regression", value_parser = folder())]
    out: std::path::PathBuf,
    /// Check the nets instead of the comparison: one line each, exit code 1 if one failed
    #[arg(long)]
    check: bool,
}

const BATCH_SIZE: usize = 16;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<(), Failure> {
    let flags = parse::<Flags>()?;
    let Flags { hidden, epochs, seed, .. } = flags;
    let digits = flags.data.digits(seed)?;
    if digits.train.classes() != 10 {
        let found = digits.train.classes();
        let message = format!(
            "--data: expected ten digits, found {found} classes; an order of classes means nothing elsewhere"
        );
        return Err(Failure::Run(message));
    }
    let classifier = classification(10);
    check_memory(&classifier.widths(&digits, &[hidden]), BATCH_SIZE, 0)?;
    if flags.check {
        return check(&flags, &digits);
    }
    let out = RunFolder::create(&flags.out, &["regression.svg"])?;
    let config = json!({ "example": "regression", "hidden": hidden, "epochs": epochs, "seed": seed, "data": identity(&digits) });
    out.write("config.json", format!("{config:#}\n"))?;
    print(&format!(
        "accuracy on {} validation images after {epochs} epochs\n\n{:<12}{:>22}{:>22}\n",
        digits.test.len(),
        "",
        "digit as a number",
        "digit as a class"
    ))?;
    let (number, linear_score) = train(&AS_NUMBER, &[], &flags, &digits)?;
    let (_, classes_score) = train(&classifier, &[], &flags, &digits)?;
    print(&format!(
        "{:<12}{linear_score:>22.4}{classes_score:>22.4}\n",
        format!("{}-k", digits.train.features())
    ))?;
    let mean_of_linear = mean_squared_error(&number, &digits.test);
    let (number, score) = train(&AS_NUMBER, &[hidden], &flags, &digits)?;
    let (classes, classes_score) = train(&classifier, &[hidden], &flags, &digits)?;
    let net = format!("{}-{hidden}", digits.train.features());
    print(&format!("{:<12}{score:>22.4}{classes_score:>22.4}\n", format!("{net}-k")))?;

    let Batch { x, targets: labels } = all(&digits.test);
    let y = number.infer(&x);
    let reads = classes.infer(&x);
    let mut text = format!(
        "\nthe rounded output of {net}-1 for each digit (share of its images in %)\n\n{:>6}{}{:>8}{:>9}\n",
        "digit",
        (0..10).map(|d| format!("{d:>5}")).collect::<String>(),
        "mean",
        "spread"
    );
    let mut table = vec![];
    for digit in 0..10 {
        let of_digit: Vec<f32> = y
            .column(0)
            .iter()
            .zip(&labels)
            .filter(|(_, l)| **l == digit)
            .map(|(y, _)| *y)
            .collect();
        if of_digit.is_empty() {
            let dashes = "    -".repeat(10);
            text += &format!("{digit:>6}{dashes}{:>8}{:>9}\n", "-", "-");
            table.push(vec![None; 10]);
            continue;
        }
        let n = of_digit.len() as f32;
        let mean = of_digit.iter().sum::<f32>() / n;
        let spread = (of_digit.iter().map(|y| (y - mean).powi(2)).sum::<f32>() / n).sqrt();
        let mut shares = [0f32; 10];
        of_digit.iter().for_each(|y| shares[nearest(&arr1(&[*y]))] += 1.0 / n);
        table.push(shares.iter().map(|&s| Some(f64::from(s))).collect::<Vec<_>>());
        let shares: String = shares.iter().map(|s| format!("{:>5.0}", 100.0 * s)).collect();
        text += &format!("{digit:>6}{shares}{mean:>8.2}{spread:>9.2}\n");
    }
    let mistakes = |answer: &dyn Fn(usize) -> usize| {
        let wrong: Vec<f64> = (0..labels.len())
            .filter(|&i| answer(i) != labels[i])
            .map(|i| answer(i).abs_diff(labels[i]) as f64)
            .collect();
        (
            wrong.len(),
            100.0 * wrong.iter().filter(|d| **d == 1.0).count() as f64 / wrong.len() as f64,
        )
    };
    let (wrong, neighbours) = mistakes(&|i| nearest(&y.row(i)));
    let (wrong_classes, neighbours_classes) = mistakes(&|i| argmax(&reads.row(i)));
    let error = mean_squared_error(&number, &digits.test);
    text += &format!(
        "\nWhy this is bad. To the squared error, a 7 classified as 1 is 36 times as wrong\n\
         as a 7 classified as 8, though a 7 looks more like a 1 than like an 8: the order\n\
         of the digits is not in the pictures. Where the net is unsure between 1 and 7,\n\
         the answer with the least expected loss is 4. So its answers crowd in the middle\n\
         and spill over to the neighbours: of its {wrong} mistakes {neighbours:.0} % name the next\n\
         digit, of the classifier's {wrong_classes} only {neighbours_classes:.0} %. And rounding is right only where the\n\
         error is below 0.5, while the root of the mean squared error is {:.2}\n\
         (with one layer {:.2}; always answering 4.5 gives {:.2}).\n",
        error.sqrt(),
        mean_of_linear.sqrt(),
        (labels.iter().map(|&l| (l as f64 - 4.5).powi(2)).sum::<f64>() / labels.len() as f64)
            .sqrt()
    );
    let names = &digits.class_names;
    let heat_map = HeatMap {
        title: &format!("The number that {net}-1 gives for images of each digit"),
        x: "number, rounded",
        y: "digit",
        columns: &(0..10).map(|d| d.to_string()).collect::<Vec<_>>(),
        rows: names,
        values: &table,
        best: false,
    };
    out.write("regression.svg", heat_map.svg())?;
    let path = out.publish()?.join("regression.svg");
    print(&format!("{text}\nThe table as a picture is in {}.\n", terminal::path(&path)))
}

fn check(flags: &Flags, digits: &Dataset) -> Result<(), Failure> {
    let Flags { hidden, epochs, seed, .. } = *flags;
    let mut checks = Checks::new(digits, epochs, BATCH_SIZE, seed);
    let classifier = classification(10);
    let (mut numbers, mut classes) = (vec![], vec![]);
    for hidden in [&[][..], &[hidden]] {
        let layers = hidden.len() + 1;
        print(&format!("digit as a number, layers: {layers}\n"))?;
        numbers.push(checked(&mut checks, &AS_NUMBER, hidden, seed)?);
        print(&format!("digit as a class, layers: {layers}\n"))?;
        classes.push(checked(&mut checks, &classifier, hidden, seed)?);
    }
    print("digit as a number\n")?;
    checks.two_layers_below_one(&numbers[0], &numbers[1])?;
    print("digit as a class\n")?;
    checks.two_layers_below_one(&classes[0], &classes[1])?;
    checks.end()
}

/// Checks a net of a task; returns what its training gave.
fn checked<L, K>(
    checks: &mut Checks<'_>,
    task: &Task<L, K>,
    hidden: &[usize],
    seed: u64,
) -> Result<Vec<longhand_train::Epoch<f64>>, Failure>
where
    L: Loss<f32, Target = [usize]> + Loss<f64, Target = [usize]> + Clone,
    K: Metric<f32, [usize], Value = f64> + Clone,
{
    let widths = task.widths(checks.digits(), hidden);
    let rng = || generator(seed);
    let model =
        Model::new(mlp::<f32>(&widths, &mut rng()), mlp::<f64>(&widths, &mut rng()), &widths);
    checks.model(task, &model, |model| task.sgd(&widths).init(model))
}

/// Trains a net and returns it with its accuracy on the validation images.
fn train<L, K>(
    task: &Task<L, K>,
    hidden: &[usize],
    flags: &Flags,
    digits: &Dataset,
) -> Result<(impl Layer<f32> + use<L, K>, f64), Failure>
where
    L: Loss<f32, Target = [usize]> + Clone,
    K: Metric<f32, [usize], Value = f64> + Clone,
{
    let widths = task.widths(digits, hidden);
    let mut model = mlp::<f32>(&widths, &mut generator(flags.seed));
    let mut sgd = task.sgd(&widths).init(&model);
    let history =
        task.train(&mut model, &mut sgd, digits, (flags.epochs, BATCH_SIZE, flags.seed))?;
    Ok((model, history[flags.epochs].valid.metric))
}

/// All images of a set.
fn all(split: &Split) -> Batch<f32, Vec<usize>> {
    split.batch(&(0..split.len()).collect::<Vec<_>>())
}

fn mean_squared_error(model: &impl Layer<f32>, test: &Split) -> f64 {
    let Batch { x, targets } = all(test);
    f64::from(DistanceFromLabel.loss(&model.infer(&x), &targets))
}
