use ndarray::ArrayRef1;

use crate::Float;
use crate::compiled;
use crate::functions::Function;
use crate::isa::Isa;
use crate::pool::{in_parts, in_rows_of, zip_parts};
use crate::tuning::WORK_OF_A_ROW;

/// `y += a·x`, the product and the sum rounded one after the other; on several threads where the
/// slices are long enough.
///
/// # Panics
/// The slices are not of the same length.
///
/// ```
/// let mut y = [1.0, 2.0];
/// longhand_tensor::add_scaled(&mut y, -0.5, &[2.0, 4.0]);
/// assert_eq!(y, [0.0, 0.0]);
/// ```
#[track_caller]
pub fn add_scaled<F: Float>(y: &mut [F], a: F, x: &[F]) {
    let isa = Isa::detect();
    zip_parts(y, x, |y, x| F::add_scaled(isa, y, a, x));
}

/// The same on this thread.
pub(crate) fn add_scaled_here<F: Float>(y: &mut [F], a: F, x: &[F]) {
    F::add_scaled(Isa::detect(), y, a, x);
}

/// Writes bytes as numbers from 0 to 1: each divided by 255, correctly rounded.
///
/// # Panics
/// There are not as many numbers as bytes.
///
/// ```
/// let mut pixels = [0.5f32; 3];
/// longhand_tensor::from_bytes(&[0, 51, 255], &mut pixels);
/// assert_eq!(pixels, [0.0, 0.2, 1.0]);
/// ```
#[track_caller]
pub fn from_bytes<F: Float>(bytes: &[u8], numbers: &mut [F]) {
    assert_eq!(bytes.len(), numbers.len(), "from_bytes: as many numbers as bytes");
    F::from_bytes(Isa::detect(), bytes, numbers);
}

/// The sum of the squares, in f64. The order of the additions depends on how many numbers there are alone.
///
/// ```
/// assert_eq!(longhand_tensor::sum_squares(&[3.0f32, 4.0]), 25.0);
/// ```
pub fn sum_squares<F: Float>(numbers: &[F]) -> f64 {
    F::sum_squares(Isa::detect(), numbers)
}

/// Replaces each number `x` by `e^x`: what [`Float::exp`] gives, of many numbers at once.
///
/// ```
/// let mut numbers = [0.0f32, 1.0, f32::NEG_INFINITY];
/// longhand_tensor::exp_in_place(&mut numbers);
/// assert_eq!(numbers, [1.0, std::f32::consts::E, 0.0]);
/// ```
pub fn exp_in_place<F: Float>(numbers: &mut [F]) {
    F::map(Isa::detect(), Function::Exp, numbers);
}

/// Replaces each number `x` by `ln x`: what [`Float::ln`] gives, of many numbers at once.
///
/// ```
/// let mut numbers = [1.0f32, 2.0, 0.0];
/// longhand_tensor::ln_in_place(&mut numbers);
/// assert_eq!(numbers, [0.0, std::f32::consts::LN_2, f32::NEG_INFINITY]);
/// ```
pub fn ln_in_place<F: Float>(numbers: &mut [F]) {
    F::map(Isa::detect(), Function::Ln, numbers);
}

/// Replaces each number `x` by `tanh x`: what [`Float::tanh`] gives, of many numbers at once.
///
/// ```
/// let mut numbers = [0.0f32, 20.0, f32::NEG_INFINITY];
/// longhand_tensor::tanh_in_place(&mut numbers);
/// assert_eq!(numbers, [0.0, 1.0, -1.0]);
/// ```
pub fn tanh_in_place<F: Float>(numbers: &mut [F]) {
    F::map(Isa::detect(), Function::Tanh, numbers);
}

/// Replaces each number `x` by `erf x`: what [`Float::erf`] gives, of many numbers at once.
///
/// ```
/// let mut numbers = [0.0f32, 20.0, f32::NEG_INFINITY];
/// longhand_tensor::erf_in_place(&mut numbers);
/// assert_eq!(numbers, [0.0, 1.0, -1.0]);
/// ```
pub fn erf_in_place<F: Float>(numbers: &mut [F]) {
    F::map(Isa::detect(), Function::Erf, numbers);
}

/// Replaces each number by what `f` makes of its position and of it, on several threads where there
/// are many. Positions are counted modulo 2³².
pub fn map_positions<F: Float>(numbers: &mut [F], f: impl Fn(u32, F) -> F + Copy + Sync) {
    let isa = Isa::detect();
    in_parts(numbers, 1, |at, part| compiled::map_positions(isa, part, at as u32, f));
}

/// Calls `f` with each row of several matrices of as many rows, some changed and some read; on several threads
/// where there are many numbers.
///
/// # Panics
/// A length is no multiple of `rows`.
///
/// ```
/// let (mut sums, mut doubles) = ([0.0; 2], [0.0; 6]);
/// longhand_tensor::for_rows(2, [&mut sums, &mut doubles], [&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], |[sum, y], [x]| {
///     sum[0] = x.iter().sum();
///     y.iter_mut().zip(x).for_each(|(y, x)| *y = 2.0 * x);
/// });
/// assert_eq!((sums, doubles), ([6.0, 15.0], [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]));
/// ```
#[track_caller]
pub fn for_rows<F: Float, const N: usize, const M: usize>(
    rows: usize,
    changed: [&mut [F]; N],
    read: [&[F]; M],
    f: impl Fn([&mut [F]; N], [&[F]; M]) + Sync,
) {
    let whole = |length: usize| length.is_multiple_of(rows);
    assert!(
        changed.iter().all(|c| whole(c.len())) && read.iter().all(|r| whole(r.len())),
        "for_rows: matrices of {rows} rows"
    );
    let work = WORK_OF_A_ROW * changed.iter().map(|c| c.len()).max().unwrap_or(0);
    in_rows_of((rows, work), changed, read, &|rows, mut changed, mut read| {
        for left in (1..=rows).rev() {
            let here = changed.each_mut().map(|c| c.split_off_mut(..c.len() / left));
            let there = read.each_mut().map(|r| r.split_off(..r.len() / left));
            f(here.map(|c| c.expect("a row")), there.map(|r| r.expect("a row")));
        }
    });
}

/// The position of the largest element; of the first of several equal ones. NaN is never the
/// largest.
///
/// # Panics
/// The row is empty.
///
/// ```
/// use longhand_tensor::{argmax, ndarray::array};
/// assert_eq!(argmax(&array![1., 7., 3., 7.]), 1);
/// assert_eq!(argmax(&array![f64::NAN, f64::NEG_INFINITY]), 1);
/// assert_eq!(argmax(&array![[1., 9.], [7., 3.]].column(0)), 1);
/// ```
#[track_caller]
pub fn argmax<F: Float>(row: &ArrayRef1<F>) -> usize {
    assert!(!row.is_empty(), "argmax of an empty row");
    let Some(row) = row.as_slice() else { return argmax(&row.as_standard_layout()) };
    // First the largest value, then where it is: two loops without a choice that a CPU could only
    // guess.
    let is_number = |value: F| value.partial_cmp(&value).is_some();
    let first = row.iter().position(|&value| is_number(value)).unwrap_or(0);
    let largest = row.iter().fold(row[first], |m, &value| if value > m { value } else { m });
    (0..row.len()).rev().fold(0, |at, i| if row[i] == largest { i } else { at })
}
