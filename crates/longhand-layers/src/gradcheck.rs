//! Checks a hand-written backward pass against central differences: one line in a test of anybody's
//! own layer or loss.
//!
//! ```
//! use longhand_layers::{LayerNorm, Linear, Layer, MeanSquaredError, Tanh, gradcheck, ndarray::array};
//!
//! let model = Linear::from_arrays(array![[1., 2.], [3., 4.]], None).then(Tanh).then(LayerNorm::new(2));
//! let x = array![[0.1, -0.2], [0.3, 0.05], [-0.4, 0.2]];
//! gradcheck::layer(&model, &x).unwrap();
//! gradcheck::loss(&MeanSquaredError, &x, &array![[0., 1.], [1., 0.], [0., 0.]]).unwrap();
//! ```
//!
//! A layer's outputs are made one number, `Σ u·y` with fixed random `u`; that number's gradient is
//! `backward(cache, u, ..)`. It is compared with `(f(v + ε) − f(v − ε)) / 2ε` for every parameter
//! and every input `v`, in f64. Tensors of more than [`GradCheck::entries`] numbers are checked
//! along random directions, and at a tenth as many places drawn at random.
//!
//! Where the two one-sided differences disagree, and go on disagreeing when `ε` is halved, `v` is
//! beside a kink such as that of ReLU at 0 and is skipped.
//!
//! Sources: central differences and the floored scale: Caffe's `test_gradient_check_util.hpp`;
//! random projections: HIPS autograd's `test_util.py`.

use std::cell::RefCell;
use std::fmt;

use ndarray::{Array2, ArrayRef2, Axis};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::{Layer, Loss, init};

/// Checks a layer with the default [`GradCheck`].
///
/// # Errors
/// A gradient is wrong; the message says which, where, by how much, and the likely cause.
///
/// # Panics
/// The layer panics, because `x` does not fit it.
pub fn layer<L: Layer<f64>>(layer: &L, x: &ArrayRef2<f64>) -> Result<(), Mismatch> {
    GradCheck::default().layer(layer, x)
}

/// Checks a loss with the default [`GradCheck`].
///
/// # Errors
/// The gradient is wrong, or `loss` and `loss_and_grad` disagree on the loss.
///
/// # Panics
/// The loss panics, because `y` and the target do not fit.
pub fn loss<L: Loss<f64>>(
    loss: &L,
    y: &ArrayRef2<f64>,
    target: &L::Target,
) -> Result<(), Mismatch> {
    GradCheck::default().loss(loss, y, target)
}

/// How closely to check. The defaults suit everything in this crate.
///
/// ```
/// use longhand_layers::{Sigmoid, gradcheck::GradCheck, ndarray::array};
///
/// let check = GradCheck { relative: 1e-4, ..GradCheck::default() };
/// check.layer(&Sigmoid, &array![[0.5, -1.0]]).unwrap();
///
/// // A check must be able to fail: so large a step is no derivative any more.
/// let coarse = GradCheck { epsilon: 1.0, kink: f64::INFINITY, ..GradCheck::default() };
/// assert!(coarse.layer(&Sigmoid, &array![[0.5, -1.0]]).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradCheck {
    /// The step `ε` to either side; 1e-6.
    pub epsilon: f64,
    /// Error allowed relative to the larger of the two values; 1e-6.
    pub relative: f64,
    /// Error allowed where both are small; 1e-8.
    pub absolute: f64,
    /// Difference of the one-sided slopes, relative to the slope or to 1, that counts as a kink;
    /// 1e-3.
    pub kink: f64,
    /// Tensors of more numbers than this are checked along random directions, and at a tenth as
    /// many places; 1000.
    pub entries: usize,
    /// Whether `infer` must give what `forward` gives; true. Not for layers like dropout, which
    /// differ by design.
    pub infer: bool,
    /// Decides `u`, the places and the directions.
    pub seed: u64,
}

impl Default for GradCheck {
    fn default() -> GradCheck {
        let (epsilon, relative, absolute, kink) = (1e-6, 1e-6, 1e-8, 1e-3);
        GradCheck { epsilon, relative, absolute, kink, entries: 1000, infer: true, seed: 1 }
    }
}

/// A gradient that is not what central differences give.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// What the gradient is of: `input [3, 2]`, `0.weight [2, 4]`, `loss`.
    pub of: String,
    /// Position of the worst entry; empty where the whole tensor was checked along a direction.
    pub index: Vec<usize>,
    /// What the backward pass gives there.
    pub backward: f64,
    /// What central differences give there.
    pub numeric: f64,
    /// What the numbers suggest.
    pub cause: Option<Cause>,
}

/// What may be wrong with a backward pass, as far as its numbers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The gradient has the wrong sign.
    Sign,
    /// The gradient is a batch-size too small: it was divided by the number of rows, which only a
    /// mean in the loss should do.
    DividedByBatch,
    /// The gradient is a batch-size too large: the mean's division by the number of rows is
    /// missing.
    MissingMean,
    /// The gradient is that of one row: the sum over the batch is missing.
    MissingSum,
    /// The gradient is that of the transposed matrix.
    Transposed,
    /// The gradient replaced what was in `grad` instead of being added to it.
    Overwritten,
    /// The gradient is zero.
    Missing,
    /// The gradient has another shape than what it is the gradient of.
    Shape,
    /// The gradient is infinite or NaN where central differences are not.
    NotFinite,
    /// `backward_params` gives other gradients than `backward`.
    BackwardParams,
    /// `infer` gives another output than `forward`, or `loss` another loss than `loss_and_grad`.
    Forward,
    /// Nothing could be checked: the input is empty, or every place lies on a kink or is not
    /// finite.
    NothingChecked,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Sign => "the sign is wrong",
            Cause::DividedByBatch => {
                "it is divided by the batch size, which only the loss should do"
            }
            Cause::MissingMean => {
                "it is multiplied by the batch size: the division for the mean is missing"
            }
            Cause::MissingSum => "it is that of a single row: the sum over the batch is missing",
            Cause::Transposed => "a matrix is transposed",
            Cause::Overwritten => "it overwrites what `grad` held instead of adding to it",
            Cause::Missing => "it is zero: nothing is added to `grad`, or nothing returned",
            Cause::Shape => "it has another shape than what it is the gradient of",
            Cause::NotFinite => "it is infinite or NaN",
            Cause::BackwardParams => "`backward_params` gives other gradients than `backward`",
            Cause::Forward => {
                "`infer` or `loss` gives another value than `forward` or `loss_and_grad`; where that is meant, as with dropout, set `GradCheck { infer: false, .. }`"
            },
            Cause::NothingChecked => {
                "nothing could be checked: the input is empty, or every place lies on a kink or is not finite; choose other inputs"
            }
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outputs = self.cause == Some(Cause::Forward);
        write!(f, "{}{}", if outputs { "" } else { "gradient of " }, self.of)?;
        match &self.index[..] {
            [] => write!(f, " as a whole")?,
            index => write!(f, " at {index:?}")?,
        }
        let [a, b] = if outputs {
            ["with gradient it is", "without"]
        } else {
            ["backward gives", "central differences"]
        };
        write!(f, ": {a} {:e}, {b} {:e}", self.backward, self.numeric)?;
        match self.cause {
            Some(cause) => write!(f, "; likely cause: {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}

/// How much `f` changes when `d` is added to the tensor's values `[i]`: with the whole of `u`, or
/// with that of a single row.
type Change<'a> = dyn Fn(&[(usize, f64)], Option<usize>) -> f64 + 'a;

/// A tensor whose gradient is checked.
struct Tensor<'a> {
    of: String,
    shape: Vec<usize>,
    /// The gradient that the backward pass gives.
    backward: &'a [f64],
    /// The values around which the differences are taken.
    values: &'a [f64],
    change: &'a Change<'a>,
    /// The size of what is added up to `f`, whose rounding the differences inherit.
    scale: f64,
    /// Number of rows of the batch.
    rows: usize,
    /// Whether `f` can be computed for a single row.
    by_row: bool,
}

/// How many units in the last place of `f` a difference may be off by rounding.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

impl GradCheck {
    /// Checks a layer at `x`: the gradient of every parameter and of the input, that gradients are
    /// added to `grad`, and that `backward_params` agrees with `backward`.
    ///
    /// A single row cannot tell a sum over the batch from a row. So it is checked once more with
    /// two rows below it, drawn at random.
    ///
    /// # Errors
    /// A gradient is wrong; the message says which, where, by how much, and the likely cause.
    ///
    /// # Panics
    /// The layer panics, because `x` does not fit it.
    pub fn layer<L: Layer<f64>>(&self, layer: &L, x: &ArrayRef2<f64>) -> Result<(), Mismatch> {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(self.seed);
        self.layer_at(layer, x, rng)?;
        if x.nrows() == 1 {
            let largest = x.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
            let mut rows: Array2<f64> = init::uniform((3, x.ncols()), largest, rng);
            rows.row_mut(0).assign(&x.row(0));
            self.layer_at(layer, &rows, rng)?;
        }
        Ok(())
    }

    fn layer_at<L: Layer<f64>>(
        &self,
        layer: &L,
        x: &ArrayRef2<f64>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<(), Mismatch> {
        let (y, cache) = layer.forward(x.to_owned());
        if x.is_empty() || y.is_empty() {
            let input = format!("input {:?} (output {:?})", x.shape(), y.shape());
            return Err(mismatch(&input, &[], 0, (f64::NAN, f64::NAN), Cause::NothingChecked));
        }
        let inferred = layer.infer(x);
        let equal = |(&a, &b): (&f64, &f64)| self.close(a, b, 0.0) || (a.is_nan() && b.is_nan());
        if self.infer && !(inferred.dim() == y.dim() && y.iter().zip(&inferred).all(equal)) {
            let at = y.iter().zip(&inferred).position(|pair| !equal(pair)).unwrap_or(0);
            let values = [&y, &inferred].map(|y| y.iter().nth(at).copied().unwrap_or(f64::NAN));
            return Err(mismatch("output", y.shape(), at, values.into(), Cause::Forward));
        }
        let u: Array2<f64> = init::uniform(y.dim(), 1.0, rng);
        // Gradients are added to `held`, which no correct backward pass can mistake for its own.
        let held: Vec<Vec<f64>> =
            layer.params().iter().map(|p| init::uniform(p.len(), 1.0, rng).to_vec()).collect();
        let mut grad = layer.zeros_like();
        let hold = |grad: &mut L| {
            let mut held = held.iter();
            L::zip([grad], [], &mut |[g], []| g.copy_from_slice(held.next().expect("as many")));
        };
        hold(&mut grad);
        let dx = layer.backward(cache, u.clone(), &mut grad);
        if dx.dim() != x.dim() {
            let input = format!("input {:?}, which is {:?},", x.shape(), dx.shape());
            return Err(mismatch(&input, &[], 0, (f64::NAN, f64::NAN), Cause::Shape));
        }
        let names: Vec<String> = layer.named_params().iter().map(ToString::to_string).collect();
        let shapes: Vec<Vec<usize>> = layer.named_params().into_iter().map(|p| p.shape).collect();

        let mut gradients: Vec<Vec<f64>> = vec![];
        let mut fresh = layer.zeros_like();
        layer.backward(layer.forward(x.to_owned()).1, u.clone(), &mut fresh);
        for (i, (sum, fresh)) in grad.params().into_iter().zip(fresh.params()).enumerate() {
            if let Some(at) = fresh.iter().position(|g| !g.is_finite()) {
                return Err(mismatch(
                    &names[i],
                    &shapes[i],
                    at,
                    (fresh[at], f64::NAN),
                    Cause::NotFinite,
                ));
            }
            let added: Vec<f64> = sum.iter().zip(&held[i]).map(|(s, h)| s - h).collect();
            if let Some(at) = (0..added.len()).find(|&at| !self.close(added[at], fresh[at], 0.0)) {
                let values = (added[at], fresh[at]);
                return Err(mismatch(&names[i], &shapes[i], at, values, Cause::Overwritten));
            }
            gradients.push(fresh.to_vec());
        }
        hold(&mut grad);
        layer.backward_params(layer.forward(x.to_owned()).1, u.clone(), &mut grad);
        for (i, sum) in grad.params().into_iter().enumerate() {
            let expected = |at: usize| gradients[i][at] + held[i][at];
            if let Some(at) = (0..sum.len()).find(|&at| !self.close(sum[at], expected(at), 0.0)) {
                let values = (sum[at], expected(at));
                return Err(mismatch(&names[i], &shapes[i], at, values, Cause::BackwardParams));
            }
        }

        // Σ u·y, of a difference of outputs, so that what does not change cancels before anything
        // is added up.
        let scale = y.iter().zip(&u).map(|(y, u)| (y * u).abs()).sum();
        let base = y;
        let project = |y: Array2<f64>, row: Option<usize>| {
            let change = (y - &base) * &u;
            row.map_or_else(|| change.sum(), |r| change.row(r).sum())
        };
        let rows = x.nrows();
        let changed = RefCell::new(layer.clone());
        for (i, (gradient, of)) in gradients.iter().zip(names).enumerate() {
            let values = layer.params()[i];
            let change = |changes: &[(usize, f64)], row| {
                let mut layer = changed.borrow_mut();
                set(&mut *layer, i, changes.iter().map(|&(at, d)| (at, values[at] + d)));
                let change = project(layer.forward(x.to_owned()).0, row);
                set(&mut *layer, i, changes.iter().map(|&(at, _)| (at, values[at])));
                change
            };
            let (shape, backward, change) = (shapes[i].clone(), &gradient[..], &change);
            self.tensor(
                &Tensor { of, shape, backward, values, change, scale, rows, by_row: true },
                rng,
            )?;
        }
        let x = x.as_standard_layout();
        let values = x.as_slice().expect("standard layout");
        let change = |changes: &[(usize, f64)], row| {
            let mut x = x.to_owned().into_owned();
            let slice = x.as_slice_mut().expect("standard layout");
            changes.iter().for_each(|&(at, d)| slice[at] = values[at] + d);
            project(layer.forward(x).0, row)
        };
        let backward = dx.as_standard_layout();
        let backward = backward.as_slice().expect("standard layout");
        let (of, shape, change) = (format!("input {:?}", x.shape()), x.shape().to_vec(), &change);
        let input = Tensor { of, shape, backward, values, change, scale, rows, by_row: true };
        self.tensor(&input, rng).map_err(|mut mismatch| {
            if mismatch.cause.is_none() && self.input_transposed(layer, &x, &u, &dx) {
                mismatch.cause = Some(Cause::Transposed);
            }
            mismatch
        })
    }

    /// Checks a loss at `y`: its gradient, and that `loss` and `loss_and_grad` give the same loss.
    ///
    /// # Errors
    /// A gradient is wrong; the message says where, by how much, and the likely cause.
    ///
    /// # Panics
    /// The loss panics, because `y` and the target do not fit.
    pub fn loss<L: Loss<f64>>(
        &self,
        loss: &L,
        y: &ArrayRef2<f64>,
        target: &L::Target,
    ) -> Result<(), Mismatch> {
        let (with_grad, dy) = loss.loss_and_grad(y.to_owned(), target);
        let without = loss.loss(y, target);
        if !self.close(with_grad, without, 0.0) {
            return Err(mismatch("loss", &[], 0, (with_grad, without), Cause::Forward));
        }
        if dy.dim() != y.dim() {
            let output = format!("output {:?}, which is {:?},", y.shape(), dy.shape());
            return Err(mismatch(&output, &[], 0, (f64::NAN, f64::NAN), Cause::Shape));
        }
        let y = y.as_standard_layout();
        let values = y.as_slice().expect("standard layout");
        let change = |changes: &[(usize, f64)], _row| {
            let mut y = y.to_owned().into_owned();
            let slice = y.as_slice_mut().expect("standard layout");
            changes.iter().for_each(|&(at, d)| slice[at] = values[at] + d);
            loss.loss(&y, target) - without
        };
        let backward = dy.as_standard_layout();
        let backward = backward.as_slice().expect("standard layout");
        let (of, shape, change) = (format!("output {:?}", y.shape()), y.shape().to_vec(), &change);
        // A loss adds up differences of outputs, which may cancel to less than they were.
        let scale = without.abs() + values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let rows = y.nrows();
        let output = Tensor { of, shape, backward, values, change, scale, rows, by_row: false };
        self.tensor(&output, &mut Xoshiro256PlusPlus::seed_from_u64(self.seed))
    }

    fn tensor(&self, tensor: &Tensor<'_>, rng: &mut impl Rng) -> Result<(), Mismatch> {
        let Tensor { of, shape, backward, values, .. } = tensor;
        let n = backward.len();
        if n == 0 {
            return Ok(());
        }
        if let Some(at) = backward.iter().position(|g| !g.is_finite()) {
            return Err(mismatch(of, shape, at, (backward[at], f64::NAN), Cause::NotFinite));
        }
        let places: Vec<usize> = if n <= self.entries {
            (0..n).collect()
        } else {
            let place = |_| ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize;
            (0..(self.entries / 10).max(1)).map(place).collect()
        };
        // A large value is changed by a large step, or nothing of the change would be left after
        // rounding.
        let unit = |at: usize| values[at].abs().max(1.0);
        let slope = |at| (at, self.slope(tensor, &[(at, unit(at))], backward[at] * unit(at)));
        let slopes: Vec<(usize, Slope)> = places.into_iter().map(slope).collect();
        let checked: Vec<(usize, f64)> =
            slopes.iter().filter_map(|(at, slope)| Some((*at, slope.value? / unit(*at)))).collect();
        if checked.is_empty() {
            return Err(mismatch(of, shape, 0, (backward[0], f64::NAN), Cause::NothingChecked));
        }
        let wrong = slopes.iter().filter(|(_, slope)| slope.wrong).map(|(at, _)| *at);
        let numeric_at =
            |at: usize| checked.iter().find(|(c, _)| *c == at).map_or(f64::NAN, |c| c.1);
        let error = |at: usize| (backward[at] - numeric_at(at)).abs();
        if let Some(at) = wrong.max_by(|&a, &b| error(a).total_cmp(&error(b))) {
            let (index, numeric) = (index(at, shape), numeric_at(at));
            let cause = self.cause(tensor, &checked);
            return Err(Mismatch { of: of.clone(), index, backward: backward[at], numeric, cause });
        }
        if n > self.entries {
            // Along a direction d, the slope is ⟨gradient, d⟩. Its length is that of the largest
            // value, and at least 1.
            let largest = values.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            let size = largest / (n as f64).sqrt();
            for _ in 0..8 {
                let sign = |bit: u64| if bit == 0 { size } else { -size };
                let direction: Vec<(usize, f64)> =
                    (0..n).map(|at| (at, sign(rng.next_u64() >> 63))).collect();
                let expected: f64 = direction.iter().map(|&(at, d)| backward[at] * d).sum();
                let slope = self.slope(tensor, &direction, expected);
                if let (true, Some(numeric)) = (slope.wrong, slope.value) {
                    let (of, index) = (of.clone(), vec![]);
                    return Err(Mismatch { of, index, backward: expected, numeric, cause: None });
                }
            }
        }
        Ok(())
    }

    /// The slope of `f` along a direction by central differences, and whether it disproves what is
    /// expected.
    fn slope(&self, tensor: &Tensor<'_>, direction: &[(usize, f64)], expected: f64) -> Slope {
        let sides = |epsilon: f64| {
            let change = |epsilon: f64| {
                let changes: Vec<_> = direction.iter().map(|&(at, d)| (at, d * epsilon)).collect();
                (tensor.change)(&changes, None) / epsilon
            };
            (change(epsilon), change(-epsilon))
        };
        let (right, left) = sides(self.epsilon);
        let slope = (right + left) / 2.0;
        let jump = (right - left).abs();
        let scale = right.abs().max(left.abs()).max(1.0);
        if !slope.is_finite() || jump > self.kink * scale {
            return Slope { value: None, wrong: false };
        }
        let noise = ROUNDING * tensor.scale / self.epsilon;
        if self.close(slope, expected, noise) {
            return Slope { value: Some(slope), wrong: false };
        }
        // The jump of a smooth function halves with ε, that of a kink stays.
        let (right, left) = sides(self.epsilon / 2.0);
        if self.kink.is_finite() && jump > 4.0 * noise && (right - left).abs() > 0.75 * jump {
            return Slope { value: None, wrong: false };
        }
        Slope { value: Some(slope), wrong: true }
    }

    /// Whether two values agree, one of them being off by `noise` at most.
    fn close(&self, a: f64, b: f64, noise: f64) -> bool {
        (a - b).abs() <= self.absolute.max(self.relative * a.abs().max(b.abs())) + noise
    }

    /// What turns the numeric gradient into the one that backward gives, at all places checked.
    fn cause(&self, tensor: &Tensor<'_>, checked: &[(usize, f64)]) -> Option<Cause> {
        let Tensor { backward, shape, rows, .. } = tensor;
        let largest = checked.iter().fold(0.0, |m: f64, (_, slope)| m.max(slope.abs()));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-3 * a.abs().max(b.abs()) + 1e-6 * largest;
        let scaled =
            |factor: f64| checked.iter().all(|&(at, slope)| close(backward[at], factor * slope));
        let n = *rows as f64;
        if scaled(1.0) {
            return None; // wrong by less than a cause can be told by
        }
        if scaled(0.0) {
            return Some(Cause::Missing);
        }
        if scaled(-1.0) {
            return Some(Cause::Sign);
        }
        if *rows > 1 && scaled(1.0 / n) {
            return Some(Cause::DividedByBatch);
        }
        if *rows > 1 && scaled(n) {
            return Some(Cause::MissingMean);
        }
        // Backward's entry [i, j], or the same place of a matrix read the other way round, holds
        // the entry [j, i].
        if let [height, width] = shape[..]
            && height > 1
            && width > 1
        {
            let at = |place: usize| (place % width) * height + place / width;
            if checked.iter().all(|&(place, slope)| close(backward[at(place)], slope)) {
                return Some(Cause::Transposed);
            }
        }
        let of_row = |row: usize, at: usize| {
            let change = |epsilon: f64| (tensor.change)(&[(at, epsilon)], Some(row));
            (change(self.epsilon) - change(-self.epsilon)) / (2.0 * self.epsilon)
        };
        let single =
            |row: usize| checked.iter().all(|&(at, _)| close(backward[at], of_row(row, at)));
        if tensor.by_row && *rows > 1 && (0..*rows).any(single) {
            return Some(Cause::MissingSum);
        }
        None
    }

    /// Whether `dx = u·J` was computed with the transposed Jacobian `Jᵀ` in its place, in the first
    /// row.
    fn input_transposed<L: Layer<f64>>(
        &self,
        layer: &L,
        x: &ArrayRef2<f64>,
        u: &Array2<f64>,
        dx: &Array2<f64>,
    ) -> bool {
        let features = x.ncols();
        if u.ncols() != features || x.nrows() == 0 {
            return false;
        }
        let output = |i: usize, d: f64| {
            let mut row = x.select(Axis(0), &[0]);
            row[[0, i]] += d;
            layer.forward(row).0
        };
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 + 1e-3 * a.abs().max(b.abs());
        (0..features).all(|i| {
            // Column i of the transposed Jacobian is row i of the Jacobian: how output i depends on
            // each input.
            let slope = |j: usize| {
                let change = output(j, self.epsilon) - output(j, -self.epsilon);
                change[[0, i]] / (2.0 * self.epsilon)
            };
            let transposed: f64 = (0..features).map(|j| u[[0, j]] * slope(j)).sum();
            close(dx[[0, i]], transposed)
        })
    }
}

/// A slope by central differences, where there is one, and whether it is another than expected.
struct Slope {
    value: Option<f64>,
    wrong: bool,
}

/// Sets some values of a layer's parameter with this number.
fn set<L: Layer<f64>>(layer: &mut L, number: usize, values: impl Iterator<Item = (usize, f64)>) {
    let (mut values, mut at_param) = (Some(values), 0);
    L::zip([layer], [], &mut |[param], []| {
        if at_param == number
            && let Some(values) = values.take()
        {
            values.for_each(|(at, value)| param[at] = value);
        }
        at_param += 1;
    });
}

fn mismatch(
    of: &str,
    shape: &[usize],
    at: usize,
    (backward, numeric): (f64, f64),
    cause: Cause,
) -> Mismatch {
    let (of, index) = (of.to_owned(), index(at, shape));
    Mismatch { of, index, backward, numeric, cause: Some(cause) }
}

/// The position of an entry of a tensor, from its place in the flat slice.
fn index(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &size) in index.iter_mut().zip(shape).rev() {
        *i = at % size.max(1);
        at /= size.max(1);
    }
    index
}
