//! Checks a hand-written backward pass against central differences: one line in a test of anybody's own layer or loss.
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
//! A layer's outputs are made one number, `Σ u·y` with fixed random `u`; that number's gradient is `backward(cache, u, ..)`.
//! It is compared with `(f(v + ε) − f(v − ε)) / 2ε` for every parameter and every input `v`, in f64. Tensors of more than
//! [`GradCheck::entries`] numbers are checked at as many places drawn at random, and as a whole along random directions.
//!
//! Where the two one-sided differences disagree, `v` is beside a kink such as that of ReLU at 0 and is skipped.
//!
//! Sources: central differences and the floored scale: Caffe's `test_gradient_check_util.hpp`; random projections: HIPS
//! autograd's `test_util.py`.

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
    /// Difference of the one-sided slopes, relative to the slope or to 1, that counts as a kink; 1e-3.
    pub kink: f64,
    /// Tensors of more numbers than this are checked at this many places, and along random directions; 1000.
    pub entries: usize,
    /// Decides `u`, the places and the directions.
    pub seed: u64,
}

impl Default for GradCheck {
    fn default() -> GradCheck {
        let (epsilon, relative, absolute, kink) = (1e-6, 1e-6, 1e-8, 1e-3);
        GradCheck { epsilon, relative, absolute, kink, entries: 1000, seed: 1 }
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
    /// The gradient is a batch-size too small: it was divided by the number of rows, which only a mean in the loss should do.
    DividedByBatch,
    /// The gradient is a batch-size too large: the mean's division by the number of rows is missing.
    MissingMean,
    /// The gradient is that of one row: the sum over the batch is missing.
    MissingSum,
    /// The gradient is that of the transposed matrix.
    Transposed,
    /// The gradient replaced what was in `grad` instead of being added to it.
    Overwritten,
    /// The gradient is zero.
    Missing,
    /// `backward_params` gives other gradients than `backward`.
    BackwardParams,
    /// `infer` gives another output than `forward`, or `loss` another loss than `loss_and_grad`.
    Forward,
    /// Every place lies on a kink, or is not finite: nothing could be checked.
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
            Cause::BackwardParams => "`backward_params` gives other gradients than `backward`",
            Cause::Forward => "the output without gradient is another than the one with gradient",
            Cause::NothingChecked => {
                "every place lies on a kink or is not finite: choose other inputs"
            }
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gradient of {}", self.of)?;
        match &self.index[..] {
            [] => write!(f, " as a whole")?,
            index => write!(f, " at {index:?}")?,
        }
        write!(f, ": backward gives {:e}, central differences {:e}", self.backward, self.numeric)?;
        match self.cause {
            Some(cause) => write!(f, "; likely cause: {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}

type Value<'a> = dyn Fn(&[(usize, f64)], Option<usize>) -> f64 + 'a;

/// A tensor whose gradient is checked.
struct Tensor<'a> {
    of: String,
    shape: Vec<usize>,
    /// The gradient that the backward pass gives.
    backward: &'a [f64],
    /// `f` with the changes `v[i] += d` made to the tensor's values, once for the whole batch and once with `u` of a single
    /// row only (for the causes).
    value: &'a Value<'a>,
    /// Number of rows of the batch.
    rows: usize,
}

impl GradCheck {
    /// Checks a layer at `x`: the gradient of every parameter and of the input, that gradients are added to `grad`, and that
    /// `backward_params` agrees with `backward`.
    ///
    /// # Errors
    /// A gradient is wrong; the message says which, where, by how much, and the likely cause.
    ///
    /// # Panics
    /// The layer panics, because `x` does not fit it.
    pub fn layer<L: Layer<f64>>(&self, layer: &L, x: &ArrayRef2<f64>) -> Result<(), Mismatch> {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let (y, cache) = layer.forward(x.to_owned());
        let u: Array2<f64> = init::uniform(y.dim(), 1.0, rng);
        // Gradients are added to `held`, which no correct backward pass can mistake for its own.
        let held: Vec<Vec<f64>> =
            layer.params().iter().map(|p| init::uniform(p.len(), 1.0, rng).to_vec()).collect();
        let mut grad = layer.zeros_like();
        let hold = |grad: &mut L| {
            grad.params_mut().into_iter().zip(&held).for_each(|(g, h)| g.copy_from_slice(h));
        };
        hold(&mut grad);
        let dx = layer.backward(cache, u.clone(), &mut grad);
        let names: Vec<String> = layer.named_params().iter().map(ToString::to_string).collect();
        let shapes: Vec<Vec<usize>> = layer.named_params().into_iter().map(|p| p.shape).collect();

        let mut gradients: Vec<Vec<f64>> = vec![];
        let mut fresh = layer.zeros_like();
        layer.backward(layer.forward(x.to_owned()).1, u.clone(), &mut fresh);
        for (i, (sum, fresh)) in grad.params().into_iter().zip(fresh.params()).enumerate() {
            let added: Vec<f64> = sum.iter().zip(&held[i]).map(|(s, h)| s - h).collect();
            if let Some(at) = (0..added.len()).find(|&at| !self.close(added[at], fresh[at], 1.0)) {
                return Err(self.mismatch(
                    &names[i],
                    &shapes[i],
                    at,
                    (added[at], fresh[at]),
                    Cause::Overwritten,
                ));
            }
            gradients.push(fresh.to_vec());
        }
        hold(&mut grad);
        layer.backward_params(layer.forward(x.to_owned()).1, u.clone(), &mut grad);
        for (i, sum) in grad.params().into_iter().enumerate() {
            let expected = |at: usize| gradients[i][at] + held[i][at];
            if let Some(at) = (0..sum.len()).find(|&at| !self.close(sum[at], expected(at), 1.0)) {
                let values = (sum[at], expected(at));
                return Err(self.mismatch(
                    &names[i],
                    &shapes[i],
                    at,
                    values,
                    Cause::BackwardParams,
                ));
            }
        }

        // Σ u·y, of a difference of outputs, so that what does not change cancels before anything is added up.
        let base = y;
        let project = |y: Array2<f64>, row: Option<usize>| {
            let change = (y - &base) * &u;
            row.map_or_else(|| change.sum(), |r| change.row(r).sum())
        };
        for (i, (gradient, of)) in gradients.iter().zip(names).enumerate() {
            let value = |changes: &[(usize, f64)], row| {
                let mut changed = layer.clone();
                for &(at, d) in changes {
                    changed.params_mut()[i][at] += d;
                }
                project(changed.forward(x.to_owned()).0, row)
            };
            let shape = shapes[i].clone();
            self.tensor(
                &Tensor { of, shape, backward: gradient, value: &value, rows: x.nrows() },
                rng,
            )?;
        }
        let value = |changes: &[(usize, f64)], row| {
            let mut x = x.as_standard_layout().into_owned();
            for &(at, d) in changes {
                x.as_slice_mut().expect("standard layout")[at] += d;
            }
            project(layer.forward(x).0, row)
        };
        let backward = dx.as_standard_layout();
        let backward = backward.as_slice().expect("standard layout");
        let (rows, shape) = (x.nrows(), x.shape().to_vec());
        let input = Tensor { of: format!("input {shape:?}"), shape, backward, value: &value, rows };
        self.tensor(&input, rng).map_err(|mut mismatch| {
            if mismatch.cause.is_none() && self.input_transposed(layer, x, &u, &dx) {
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
        if !self.close(with_grad, without, 1.0) {
            return Err(self.mismatch("loss", &[], 0, (with_grad, without), Cause::Forward));
        }
        let value = |changes: &[(usize, f64)], _row| {
            let mut y = y.as_standard_layout().into_owned();
            for &(at, d) in changes {
                y.as_slice_mut().expect("standard layout")[at] += d;
            }
            loss.loss(&y, target) - without
        };
        let backward = dy.as_standard_layout();
        let backward = backward.as_slice().expect("standard layout");
        let (rows, shape) = (y.nrows(), y.shape().to_vec());
        let output =
            Tensor { of: format!("output {shape:?}"), shape, backward, value: &value, rows };
        self.tensor(&output, &mut Xoshiro256PlusPlus::seed_from_u64(self.seed))
    }

    fn tensor(&self, tensor: &Tensor<'_>, rng: &mut impl Rng) -> Result<(), Mismatch> {
        let n = tensor.backward.len();
        let places: Vec<usize> = if n <= self.entries {
            (0..n).collect()
        } else {
            let place = |_| ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize;
            (0..self.entries).map(place).collect()
        };
        let slopes: Vec<Option<f64>> =
            places.iter().map(|&at| self.slope(tensor, &[(at, 1.0)], None)).collect();
        if n > 0 && slopes.iter().all(Option::is_none) {
            return Err(self.mismatch(
                &tensor.of,
                &tensor.shape,
                0,
                (tensor.backward[0], f64::NAN),
                Cause::NothingChecked,
            ));
        }
        let checked: Vec<(usize, f64)> =
            places.into_iter().zip(slopes).filter_map(|(at, slope)| Some((at, slope?))).collect();
        let error = |&(at, slope): &(usize, f64)| {
            let error = (tensor.backward[at] - slope).abs();
            if error.is_nan() { f64::INFINITY } else { error }
        };
        let wrong =
            checked.iter().filter(|(at, slope)| !self.close(tensor.backward[*at], *slope, 1.0));
        if let Some(worst) = wrong.max_by(|a, b| error(a).total_cmp(&error(b))) {
            let (at, numeric) = *worst;
            let cause = self.cause(tensor, &checked);
            let (of, index) = (tensor.of.clone(), index(at, &tensor.shape));
            return Err(Mismatch { of, index, backward: tensor.backward[at], numeric, cause });
        }
        if n > self.entries {
            // Along a direction d of length 1, the slope is ⟨gradient, d⟩.
            for _ in 0..8 {
                let length = (n as f64).sqrt();
                let sign = |bit: u64| if bit == 0 { 1.0 / length } else { -1.0 / length };
                let direction: Vec<(usize, f64)> =
                    (0..n).map(|at| (at, sign(rng.next_u64() >> 63))).collect();
                let backward: f64 = direction.iter().map(|&(at, d)| tensor.backward[at] * d).sum();
                if let Some(numeric) = self.slope(tensor, &direction, None)
                    && !self.close(backward, numeric, 10.0)
                {
                    let (of, index) = (tensor.of.clone(), vec![]);
                    return Err(Mismatch { of, index, backward, numeric, cause: None });
                }
            }
        }
        Ok(())
    }

    /// The slope of `f` along a direction by central differences; `None` beside a kink.
    fn slope(
        &self,
        tensor: &Tensor<'_>,
        direction: &[(usize, f64)],
        row: Option<usize>,
    ) -> Option<f64> {
        let at = |epsilon: f64| {
            let changes: Vec<_> = direction.iter().map(|&(at, d)| (at, d * epsilon)).collect();
            (tensor.value)(&changes, row)
        };
        let (forward, backward) = (at(self.epsilon), at(-self.epsilon));
        let (right, left) = (forward / self.epsilon, -backward / self.epsilon);
        let scale = right.abs().max(left.abs()).max(1.0);
        let smooth =
            (right - left).abs() <= self.kink * scale && right.is_finite() && left.is_finite();
        smooth.then_some((right + left) / 2.0)
    }

    /// Whether two values agree, with `slack` times the absolute tolerance.
    fn close(&self, a: f64, b: f64, slack: f64) -> bool {
        (a - b).abs() <= (self.absolute * slack).max(self.relative * a.abs().max(b.abs()))
    }

    fn mismatch(
        &self,
        of: &str,
        shape: &[usize],
        at: usize,
        (backward, numeric): (f64, f64),
        cause: Cause,
    ) -> Mismatch {
        let (of, index) = (of.to_owned(), index(at, shape));
        Mismatch { of, index, backward, numeric, cause: Some(cause) }
    }

    /// What turns the numeric gradient into the one that backward gives, at all places checked.
    fn cause(&self, tensor: &Tensor<'_>, checked: &[(usize, f64)]) -> Option<Cause> {
        let Tensor { backward, shape, rows, .. } = tensor;
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 + 1e-3 * a.abs().max(b.abs());
        let scaled =
            |factor: f64| checked.iter().all(|&(at, slope)| close(backward[at], factor * slope));
        let n = *rows as f64;
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
        // Backward's entry [i, j], or the same place of a matrix read the other way round, holds the entry [j, i].
        if let [height, width] = shape[..] {
            let at = |place: usize| (place % width) * height + place / width;
            if checked.iter().all(|&(place, slope)| close(backward[at(place)], slope)) {
                return Some(Cause::Transposed);
            }
        }
        let single = |row: usize| {
            let slope = |at| self.slope(tensor, &[(at, 1.0)], Some(row));
            checked.iter().all(|&(at, _)| slope(at).is_some_and(|slope| close(backward[at], slope)))
        };
        if *rows > 1 && (0..*rows).any(single) {
            return Some(Cause::MissingSum);
        }
        None
    }

    /// Whether `dx = u·J` was computed with the transposed Jacobian `Jᵀ` in its place, in the first row.
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
            // Column i of the transposed Jacobian is row i of the Jacobian: how output i depends on each input.
            let slope = |j: usize| {
                let change = output(j, self.epsilon) - output(j, -self.epsilon);
                change[[0, i]] / (2.0 * self.epsilon)
            };
            let transposed: f64 = (0..features).map(|j| u[[0, j]] * slope(j)).sum();
            close(dx[[0, i]], transposed)
        })
    }
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
