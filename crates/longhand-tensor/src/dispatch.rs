//! Chooses the kernels for the CPU that the program runs on, and for the shape and the zeros of a product.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

use crate::Float;
use crate::functions;
use crate::kernel::{self, Left, Matrix, Right};
use crate::reuse::Kept;

/// An instruction set that kernels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// The fastest that this CPU has, detected once; `LONGHAND_KERNELS=avx2` or `portable` in the environment asks for less.
    pub fn detect() -> Isa {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let asked = std::env::var("LONGHAND_KERNELS").ok();
            let slower = match asked.as_deref() {
                Some("portable") => Isa::is_portable,
                #[cfg(target_arch = "x86_64")]
                Some("avx2") => |isa: &Isa| *isa != Isa::Avx512,
                _ => |_: &Isa| true,
            };
            Isa::available().into_iter().rfind(slower).unwrap_or(Isa::Portable)
        })
    }

    fn is_portable(&self) -> bool {
        *self == Isa::Portable
    }

    /// All that this CPU has, the fastest last.
    pub fn available() -> Vec<Isa> {
        #[allow(unused_mut)] // on other processors
        let mut available = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt");
            let avx512 =
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            if avx2 {
                available.push(Isa::Avx2);
            }
            if avx2 && avx512 {
                available.push(Isa::Avx512);
            }
        }
        available
    }
}

/// A product to be computed, all operands of fitting shapes; what is written is given as rows, or in standard layout. `y` and `dx` may hold
/// anything.
pub enum Product<'a, F> {
    /// `y = b + x·W`, without a bias `y = x·W`.
    Rows { x: Matrix<'a, F>, w: Matrix<'a, F>, bias: Option<&'a [F]>, y: Vec<&'a mut [F]> },
    /// `dx = dy·Wᵀ`.
    TransposedRight { dy: Matrix<'a, F>, w: Matrix<'a, F>, dx: Vec<&'a mut [F]> },
    /// `dW += xᵀ·dy`; or, with a scale, `W += scale·(xᵀ·dy)`, product and sum rounded one after the other.
    TransposedLeft { x: Matrix<'a, F>, dy: Matrix<'a, F>, scale: Option<F>, dw: &'a mut [F] },
}

impl<'a, F: Float> Product<'a, F> {
    /// Rows and columns of the left operand, and columns of `y`, `dx` or `dy`: multiplied, the number of multiplications.
    pub fn shape(&self) -> (usize, usize, usize) {
        match self {
            Product::Rows { x, w, .. } => (x.rows, x.columns, w.columns),
            Product::TransposedRight { dy, w, .. } => (dy.rows, dy.columns, w.rows),
            Product::TransposedLeft { x, dy, .. } => (x.rows, x.columns, dy.columns),
        }
    }

    /// The same product as about `parts` products of a part of the result each: some of its columns where it has more columns than
    /// rows, some of its rows otherwise, so that the larger operand is gone through once in all. (Of `dW`, rows in any case.)
    pub fn split(self, parts: usize) -> Vec<Product<'a, F>> {
        match self {
            Product::Rows { x, w, bias, y } if w.columns > x.rows => {
                columns_each(y, bounds(w.columns, parts))
                    .map(|(columns, y)| Product::Rows {
                        x,
                        w: w.columns_between(columns.start, columns.end),
                        bias: bias.map(|bias| &bias[columns]),
                        y,
                    })
                    .collect()
            }
            Product::Rows { x, w, bias, y } => rows_each(y, bounds(x.rows, parts))
                .map(|(rows, y)| Product::Rows {
                    x: x.rows_between(rows.start, rows.end),
                    w,
                    bias,
                    y,
                })
                .collect(),
            Product::TransposedRight { dy, w, dx } if w.rows > dy.rows => {
                columns_each(dx, bounds(w.rows, parts))
                    .map(|(columns, dx)| Product::TransposedRight {
                        dy,
                        w: w.rows_between(columns.start, columns.end),
                        dx,
                    })
                    .collect()
            }
            Product::TransposedRight { dy, w, dx } => rows_each(dx, bounds(dy.rows, parts))
                .map(|(rows, dx)| Product::TransposedRight {
                    dy: dy.rows_between(rows.start, rows.end),
                    w,
                    dx,
                })
                .collect(),
            Product::TransposedLeft { x, dy, scale, mut dw } => bounds(x.columns, parts)
                .map(|columns| Product::TransposedLeft {
                    x: x.columns_between(columns.start, columns.end),
                    dy,
                    scale,
                    dw: dw.split_off_mut(..columns.len() * dy.columns).expect("rows of dW"),
                })
                .collect(),
        }
    }
}

/// `0..n` in about `parts` ranges of a multiple of 16.
fn bounds(n: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let each = n.div_ceil(parts).next_multiple_of(16).max(16);
    (0..n).step_by(each).map(move |from| from..n.min(from + each))
}

/// Each range of rows with these rows.
fn rows_each<F>(
    mut rows: Vec<&mut [F]>,
    ranges: impl Iterator<Item = Range<usize>>,
) -> impl Iterator<Item = (Range<usize>, Vec<&mut [F]>)> {
    ranges.map(move |range| {
        let rest = rows.split_off(range.len());
        (range, std::mem::replace(&mut rows, rest))
    })
}

/// Each range of columns with this part of every row.
fn columns_each<'a, F>(
    mut rows: Vec<&'a mut [F]>,
    ranges: impl Iterator<Item = Range<usize>>,
) -> impl Iterator<Item = (Range<usize>, Vec<&'a mut [F]>)> {
    ranges.map(move |range| {
        let part = |row: &mut &'a mut [F]| row.split_off_mut(..range.len()).expect("columns");
        let part = rows.iter_mut().map(part).collect();
        (range, part)
    })
}

/// Whether zeros of the left operand are left out: always, unless `LONGHAND_ZEROS=multiply` is in the environment, as tests want it.
pub fn skip_zeros() -> bool {
    static SKIP: OnceLock<bool> = OnceLock::new();
    *SKIP.get_or_init(|| std::env::var("LONGHAND_ZEROS").as_deref() != Ok("multiply"))
}

/// A function of one number.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// `e` to the power of the number.
    Exp,
    /// Natural logarithm.
    Ln,
}

/// The float types' own kernels. A supertrait of [`Float`] that no other type can implement, as this module is private.
pub trait Kernels: Sized {
    fn multiply(isa: Isa, skip: bool, product: Product<'_, Self>);

    /// Replaces each number by its function's value.
    fn map(isa: Isa, function: Function, numbers: &mut [Self]);

    /// Adds `a·x` to `y`, each product and each sum rounded.
    fn add_scaled(isa: Isa, y: &mut [Self], a: Self, x: &[Self]);

    /// Writes `bytes / 255`.
    fn from_bytes(isa: Isa, bytes: &[u8], numbers: &mut [Self]);

    /// Calls `f` with the memory that this thread keeps for arrays to come.
    fn with_kept<R>(f: impl FnOnce(&mut Kept<Self>) -> R) -> R;
}

/// Functions for one instruction set: `$features` of them are detected before they are called, none for the portable ones.
macro_rules! kernels {
    ($isa:ident $float:ident [$($features:literal)?] $vector:ty, $narrow:literal $panel:literal) => {
        mod $isa {
            use super::*;

            $(#[target_feature(enable = $features)])?
            pub fn narrow_rows(
                x: Matrix<'_, $float>,
                w: Matrix<'_, $float>,
                bias: Option<&[$float]>,
                skip: bool,
                y: &mut [&mut [$float]],
            ) {
                kernel::narrow_rows::<$float, $vector, $narrow>(x, w, bias, skip, y);
            }

            $(#[target_feature(enable = $features)])?
            pub fn narrow_transposed(
                x: Matrix<'_, $float>,
                dy: Matrix<'_, $float>,
                skip: bool,
                scale: Option<$float>,
                dw: &mut [$float],
            ) {
                kernel::narrow_transposed::<$float, $vector>(x, dy, skip, scale, dw);
            }

            $(#[target_feature(enable = $features)])?
            pub fn pairs(
                a: Left<'_, $float>,
                b: Right<'_, $float>,
                skip: bool,
                scale: Option<$float>,
                c: &mut [&mut [$float]],
            ) {
                kernel::pairs::<$float, $vector, $panel>(a, b, skip, scale, c);
            }

            $(#[target_feature(enable = $features)])?
            pub fn map(function: Function, numbers: &mut [$float]) {
                functions::$float::map(function, numbers);
            }

            $(#[target_feature(enable = $features)])?
            pub fn add_scaled(y: &mut [$float], a: $float, x: &[$float]) {
                // The most of it begins where a cache line does, so that no vector is written to two.
                let few = y.as_ptr().align_offset(64).min(y.len());
                let (first, most) = y.split_at_mut(few);
                for (y, x) in [(first, &x[..few]), (most, &x[few..])] {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y += a * x;
                    }
                }
            }

            $(#[target_feature(enable = $features)])?
            pub fn from_bytes(bytes: &[u8], numbers: &mut [$float]) {
                for (number, &byte) in numbers.iter_mut().zip(bytes) {
                    *number = functions::$float::from_byte(byte);
                }
            }
        }
    };
}

macro_rules! dispatch {
    ($float:ident $narrow:literal $least:literal, $($isa:pat => $kernels:ident),* $(,)?) => {
        impl Kernels for $float {
            #[allow(unsafe_code, unused_unsafe)] // the portable functions are safe
            fn multiply(isa: Isa, skip: bool, product: Product<'_, $float>) {
                match product.shape().2 {
                    0 => return,
                    columns if columns < $least => return multiply_widened(isa, skip, product, $least),
                    _ => {}
                }
                match isa {
                    $($isa => {
                        // SAFETY: `Isa::detect` found the features that the functions were compiled for.
                        unsafe {
                            match product {
                                Product::Rows { x, w, bias, mut y } => {
                                    if in_strips(x.rows, w.columns, $narrow) {
                                        return $kernels::narrow_rows(x, w, bias, skip, &mut y);
                                    }
                                    start(&mut y, bias);
                                    $kernels::pairs(Left::Rows(x), Right::Rows(w), skip, None, &mut y);
                                }
                                Product::TransposedRight { dy, w, mut dx } => {
                                    if in_strips(dy.rows, w.rows, $narrow) {
                                        return multiply_transposed(isa, skip, dy, w, dx);
                                    }
                                    start(&mut dx, None);
                                    $kernels::pairs(Left::Rows(dy), Right::Columns(w), skip, None, &mut dx);
                                }
                                Product::TransposedLeft { x, dy, scale, dw } => {
                                    // Of one row there is nothing to list: each row of dW is gone to once.
                                    let strips = x.rows <= kernel::ROWS || in_strips(x.rows, dy.columns, $narrow);
                                    let at_once = if strips { kernel::ROWS } else { kernel::SUMMED_AT_ONCE };
                                    if let Some(scale) = scale
                                        && !(1..=at_once).contains(&x.rows)
                                    {
                                        return add_scaled_in_parts(isa, skip, x, dy, scale, dw);
                                    }
                                    let skip = skip && scale.is_none_or(vanishes);
                                    if strips {
                                        return $kernels::narrow_transposed(x, dy, skip, scale, dw);
                                    }
                                    let mut dw: Vec<_> = dw.chunks_exact_mut(dy.columns).collect();
                                    let (x, dy) = (Left::Columns(x), Right::Rows(dy));
                                    $kernels::pairs(x, dy, skip, scale, &mut dw);
                                }
                            }
                        }
                    })*
                }
            }

            #[allow(unsafe_code, unused_unsafe)] // the portable functions are safe
            fn map(isa: Isa, function: Function, numbers: &mut [$float]) {
                match isa {
                    // SAFETY: `Isa::detect` found the features that the function was compiled for.
                    $($isa => unsafe { $kernels::map(function, numbers) },)*
                }
            }

            #[allow(unsafe_code, unused_unsafe)] // the portable functions are safe
            fn add_scaled(isa: Isa, y: &mut [$float], a: $float, x: &[$float]) {
                match isa {
                    // SAFETY: `Isa::detect` found the features that the function was compiled for.
                    $($isa => unsafe { $kernels::add_scaled(y, a, x) },)*
                }
            }

            #[allow(unsafe_code, unused_unsafe)] // the portable functions are safe
            fn from_bytes(isa: Isa, bytes: &[u8], numbers: &mut [$float]) {
                match isa {
                    // SAFETY: `Isa::detect` found the features that the function was compiled for.
                    $($isa => unsafe { $kernels::from_bytes(bytes, numbers) },)*
                }
            }

            fn with_kept<R>(f: impl FnOnce(&mut Kept<$float>) -> R) -> R {
                thread_local! {
                    static KEPT: RefCell<Kept<$float>> = const { RefCell::new(Kept::new()) };
                }
                KEPT.with_borrow_mut(f)
            }
        }
    };
}

/// Computes a product of fewer columns than any vector has lanes by way of copies that have `least` columns.
fn multiply_widened<F: Float>(isa: Isa, skip: bool, product: Product<'_, F>, least: usize) {
    match product {
        Product::Rows { x, w, bias, y } => {
            let (wide, mut wide_y) = (w.widened(least), vec![F::zero(); x.rows * least]);
            let bias = bias.map(|bias| Matrix::new(bias, 1, bias.len()).widened(least));
            let w = Matrix::new(&wide, w.rows, least);
            let rows = wide_y.chunks_exact_mut(least).collect();
            F::multiply(isa, skip, Product::Rows { x, w, bias: bias.as_deref(), y: rows });
            for (y, wide) in y.into_iter().zip(wide_y.chunks_exact(least)) {
                y.copy_from_slice(&wide[..y.len()]);
            }
        }
        Product::TransposedRight { dy, w, dx } => multiply_transposed(isa, skip, dy, w, dx),
        Product::TransposedLeft { x, dy, scale, dw } => {
            let (wide, columns) = (dy.widened(least), dy.columns);
            let mut wide_dw = Matrix::new(dw, x.columns, columns).widened(least);
            let dy = Matrix::new(&wide, dy.rows, least);
            F::multiply(isa, skip, Product::TransposedLeft { x, dy, scale, dw: &mut wide_dw });
            for (dw, wide) in dw.chunks_exact_mut(columns).zip(wide_dw.chunks_exact(least)) {
                dw.copy_from_slice(&wide[..columns]);
            }
        }
    }
}

/// `dx = dy·Wᵀ` by way of a transposed copy of `W`.
fn multiply_transposed<F: Float>(
    isa: Isa,
    skip: bool,
    dy: Matrix<'_, F>,
    w: Matrix<'_, F>,
    dx: Vec<&mut [F]>,
) {
    let columns = w.transposed();
    let w = Matrix::new(&columns, w.columns, w.rows);
    F::multiply(isa, skip, Product::Rows { x: dy, w, bias: None, y: dx });
}

/// Whether a product is computed in strips of at most `narrow` columns: otherwise what is not zero is listed, which only pays for many
/// columns, or in one row. (Where the times cross was measured.)
fn in_strips(rows: usize, columns: usize, narrow: usize) -> bool {
    columns <= narrow || (rows > 1 && columns <= 256)
}

/// Whether to add so many times zero changes nothing, not even the sign of a zero.
fn vanishes<F: Float>(scale: F) -> bool {
    scale < F::zero() && scale.is_finite()
}

/// Elements of a product that are added to something else before the next are computed, so that they are still in the cache.
const ADDED_AT_ONCE: usize = 1 << 19;

/// `W += scale·(xᵀ·dy)`, some rows of it after the other.
fn add_scaled_in_parts<F: Float>(
    isa: Isa,
    skip: bool,
    x: Matrix<'_, F>,
    dy: Matrix<'_, F>,
    scale: F,
    w: &mut [F],
) {
    let mut product = F::with_kept(|kept| std::mem::take(&mut kept.product));
    let parts = x.columns * dy.columns / ADDED_AT_ONCE + 1;
    let parts = Product::TransposedLeft { x, dy, scale: None, dw: w }.split(parts);
    for part in parts {
        let Product::TransposedLeft { x, dy, scale: None, dw: w } = part else { unreachable!() };
        product.clear();
        product.resize(w.len(), F::zero());
        F::multiply(isa, skip, Product::TransposedLeft { x, dy, scale: None, dw: &mut product });
        F::add_scaled(isa, w, scale, &product);
    }
    F::with_kept(|kept| kept.product = product);
}

/// Writes what products are added to: in no case a negative zero, as in every finished sum.
fn start<F: Float>(rows: &mut [&mut [F]], bias: Option<&[F]>) {
    match bias {
        None => rows.iter_mut().for_each(|row| row.fill(F::zero())),
        Some(bias) => {
            let bias: Vec<_> = bias.iter().map(|&b| b + F::zero()).collect();
            rows.iter_mut().for_each(|row| row.copy_from_slice(&bias));
        }
    }
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512};
#[cfg(target_arch = "x86_64")]
kernels!(avx512_f32 f32 ["avx512f,avx512vl,avx2,fma,bmi1,popcnt"] __m512, 32 64);
#[cfg(target_arch = "x86_64")]
kernels!(avx2_f32 f32 ["avx2,fma,bmi1,popcnt"] __m256, 32 32);
// f64 is for checking gradients: one set of kernels, and a shorter wait for the compiler.
#[cfg(target_arch = "x86_64")]
kernels!(avx2_f64 f64 ["avx2,fma,bmi1,popcnt"] __m256d, 16 16);
// Arrays that the compiler makes vectors of: on AArch64 NEON's, which that target always has.
kernels!(portable_f32 f32 [] [f32; 8], 32 32);
kernels!(portable_f64 f64 [] [f64; 4], 16 16);

#[cfg(target_arch = "x86_64")]
dispatch!(f32 32 8, Isa::Avx512 => avx512_f32, Isa::Avx2 => avx2_f32, Isa::Portable => portable_f32);
#[cfg(target_arch = "x86_64")]
dispatch!(f64 16 4, Isa::Avx512 | Isa::Avx2 => avx2_f64, Isa::Portable => portable_f64);
#[cfg(not(target_arch = "x86_64"))]
dispatch!(f32 32 8, Isa::Portable => portable_f32);
#[cfg(not(target_arch = "x86_64"))]
dispatch!(f64 16 4, Isa::Portable => portable_f64);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every product in every way that this CPU can compute it.
    fn ways() -> Vec<(Isa, bool)> {
        let zeros = [true, false];
        Isa::available().into_iter().flat_map(|isa| zeros.map(|skip| (isa, skip))).collect()
    }

    /// Numbers in -1..1, a share of them zero (every other one of these negative).
    fn numbers(n: usize, zeros: f64, state: &mut u64) -> Vec<f64> {
        let mut next = || {
            *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (*state >> 40) as f64 / f64::from(1 << 24)
        };
        let mut number = |i| if next() < zeros { [0.0, -0.0][i % 2] } else { 2.0 * next() - 1.0 };
        (0..n).map(|i| f64::from(number(i) as f32)).collect()
    }

    /// The products, written as their definition; the last one is the third, scaled.
    fn naive(kind: usize, (m, k, n): (usize, usize, usize), a: &[f64], b: &[f64], c: &mut [f64]) {
        for i in 0..m {
            for j in 0..n {
                for l in 0..k {
                    c[i * n + j] += match kind {
                        0 => a[i * k + l] * b[l * n + j],
                        1 => a[i * k + l] * b[j * k + l],
                        2 => a[l * m + i] * b[l * n + j],
                        _ => -0.5 * a[l * m + i] * b[l * n + j],
                    };
                }
            }
        }
    }

    fn product<'a, F: Float>(
        kind: usize,
        (m, k, n): (usize, usize, usize),
        a: &'a [F],
        b: &'a [F],
        bias: &'a [F],
        c: &'a mut [F],
    ) -> Product<'a, F> {
        let rows = |c: &'a mut [F]| -> Vec<&'a mut [F]> {
            let mut rest = c.chunks_exact_mut(n.max(1));
            (0..m).map(|_| rest.next().unwrap_or_default()).collect()
        };
        match kind {
            0 => Product::Rows {
                x: Matrix::new(a, m, k),
                w: Matrix::new(b, k, n),
                bias: Some(bias),
                y: rows(c),
            },
            1 => Product::TransposedRight {
                dy: Matrix::new(a, m, k),
                w: Matrix::new(b, n, k),
                dx: rows(c),
            },
            _ => Product::TransposedLeft {
                x: Matrix::new(a, k, m),
                dy: Matrix::new(b, k, n),
                scale: (kind == 3).then(|| F::from_f64(-0.5)),
                dw: c,
            },
        }
    }

    fn check<F: Float>(kind: usize, shape: (usize, usize, usize), zeros: f64, tolerance: f64) {
        let (m, k, n) = shape;
        let state = &mut ((m * 31 + k * 17 + n + kind) as u64);
        let (a, b, bias, dw) = (
            numbers(m * k, zeros, state),
            numbers(k * n, 0.1, state),
            numbers(n, 0.3, state),
            numbers(m * n, 0.3, state),
        );
        // What is added to has no negative zeros: whether those stay is the one thing the ways may differ in.
        let c: Vec<f64> = match kind {
            0 => bias.iter().copied().cycle().take(m * n).collect(),
            1 => vec![0.0; m * n],
            _ => dw.into_iter().map(|c| c + 0.0).collect(),
        };
        let narrow = |v: &[f64]| v.iter().map(|&v| F::from_f64(v)).collect::<Vec<F>>();
        let mut expected = c.clone();
        naive(kind, shape, &a, &b, &mut expected);
        let mut first: Option<Vec<F>> = None;
        for (isa, zeros) in ways() {
            for parts in [1, 2, 5] {
                let (a, b, bias, mut c) = (narrow(&a), narrow(&b), narrow(&bias), narrow(&c));
                if kind < 2 {
                    c.fill(F::from_f64(f64::NAN)); // what is there is written over
                }
                for part in product(kind, shape, &a, &b, &bias, &mut c).split(parts) {
                    F::multiply(isa, zeros, part);
                }
                for (c, expected) in c.iter().zip(&expected) {
                    let error = (c.to_f64() - expected).abs();
                    assert!(
                        error <= tolerance * (k as f64).sqrt().max(1.0),
                        "{kind} {shape:?} {isa:?} {zeros:?}: {c} {expected}"
                    );
                }
                // Debug prints as many digits as tell two floats apart, and the sign of zero.
                let first = first.get_or_insert_with(|| c.clone());
                assert_eq!(
                    format!("{first:?}"),
                    format!("{c:?}"),
                    "{kind} {shape:?}: {isa:?} {zeros:?} gives other bits"
                );
            }
        }
    }

    #[test]
    fn every_way_adds_the_same_and_rounds_twice() {
        let x: Vec<f32> = numbers(300, 0.2, &mut 7).iter().map(|&x| x as f32).collect();
        let y: Vec<f32> = numbers(300, 0.2, &mut 8).iter().map(|&y| y as f32).collect();
        for (isa, _) in ways() {
            // Beginnings anywhere in a cache line.
            for (from, n) in (0..20).flat_map(|from| [0, 1, 15, 64, 270].map(|n| (from, n))) {
                let mut sums = y.clone();
                f32::add_scaled(isa, &mut sums[from..from + n], -0.1, &x[from..from + n]);
                for (i, sum) in sums.iter().enumerate() {
                    let term = if (from..from + n).contains(&i) { 0.1 * x[i] } else { 0.0 };
                    assert_eq!(*sum, y[i] - term, "{isa:?} {from} {n} {i}");
                }
            }
        }
    }

    #[test]
    fn every_byte_becomes_the_quotient_by_255() {
        fn check<F: Float>(quotients: impl Iterator<Item = F>) {
            let bytes: Vec<u8> = (0..=255).collect();
            let expected: Vec<F> = quotients.collect();
            for (isa, _) in ways() {
                for n in [256, 63, 0] {
                    let mut out = vec![F::zero(); n];
                    F::from_bytes(isa, &bytes[..n], &mut out);
                    assert_eq!(out, expected[..n], "{isa:?}");
                }
            }
        }
        check((0..=255u8).map(|b| f32::from(b) / 255.0));
        check((0..=255u8).map(|b| f64::from(b) / 255.0));
    }

    /// A sum that underflows to -0 stays -0 when the products with zero behind it are skipped, and does not otherwise.
    #[test]
    fn a_zero_is_positive() {
        for n in [3, 10, 30, 33] {
            let (x, w) = ([-1e-30f32, 0.0], [vec![1e-30f32; n], vec![1.0; n]].concat());
            for (isa, zeros) in ways() {
                let (mut y, mut dw) = (vec![0.0; n], vec![0.0; 2 * n]);
                let bias = vec![0.0; n];
                f32::multiply(isa, zeros, product(0, (1, 2, n), &x, &w, &bias, &mut y));
                f32::multiply(isa, zeros, product(2, (2, 1, n), &x, &w[..n], &bias, &mut dw));
                let positive = y.iter().chain(&dw).all(|v| v.to_bits() == 0);
                assert!(positive, "{n} {isa:?} {zeros:?}: {y:?} {dw:?}");
            }
        }
    }

    #[test]
    fn every_way_gives_the_same_bits_and_the_right_ones() {
        let mut shapes = vec![
            (16, 784, 10),
            (16, 784, 30),
            (16, 30, 10),
            (17, 65, 129),
            (40, 33, 300),
            (8, 64, 128),
            (9, 400, 460), // few rows, summed in two parts
            (600, 40, 10),
            (520, 5, 257), // more lines than are listed at once
            (9, 200, 257), // sums that are finished in one part, if they are scaled
            (7, 300, 257),
        ];
        for m in [0, 1, 2, 7, 9] {
            for k in [0, 1, 3, 33, 64] {
                shapes.extend(
                    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 140].map(|n| (m, k, n)),
                );
            }
        }
        for shape in shapes {
            for kind in 0..4 {
                for zeros in [0.0, 0.8] {
                    check::<f32>(kind, shape, zeros, 1e-6);
                    check::<f64>(kind, shape, zeros, 1e-14);
                }
            }
        }
        // Longer lines than are listed at once, of which some sums in f32 are rounded by more.
        for kind in 0..4 {
            check::<f32>(kind, (59, 2100, 70), 0.0, 4e-6);
        }
    }
}
