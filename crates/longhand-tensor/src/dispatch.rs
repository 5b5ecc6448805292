//! Chooses the kernels for the CPU that the program runs on, and for the width of the matrix.

use crate::Float;
use crate::kernel::{Matrix, NonZero, dense, sparse_rows, sparse_transposed};
use crate::simd::Simd;

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
    /// The fastest that this CPU has. The standard library detects once and remembers.
    pub fn detect() -> Isa {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1");
            if fma && is_x86_feature_detected!("avx512f") {
                return Isa::Avx512;
            }
            if fma {
                return Isa::Avx2;
            }
        }
        Isa::Portable
    }
}

/// A product to be computed, all operands in standard layout and of fitting shapes.
pub enum Product<'a, F> {
    /// `y += x·W`.
    Rows { x: Matrix<'a, F>, w: Matrix<'a, F>, y: &'a mut [F] },
    /// `dx += dy·Wᵀ`.
    TransposedRight { dy: Matrix<'a, F>, w: Matrix<'a, F>, dx: &'a mut [F] },
    /// `dW += xᵀ·dy`.
    TransposedLeft { x: Matrix<'a, F>, dy: Matrix<'a, F>, dw: &'a mut [F] },
}

/// How to go about zeros: by what is found, or as tests want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    Auto,
    #[cfg(test)]
    Skip,
    #[cfg(test)]
    Multiply,
}

impl Zeros {
    /// Whether leaving out zeros pays, `nonzero` of `elements` not being zero.
    fn skip(self, nonzero: usize, elements: usize) -> bool {
        match self {
            Zeros::Auto => 3 * nonzero < elements,
            #[cfg(test)]
            Zeros::Skip => true,
            #[cfg(test)]
            Zeros::Multiply => false,
        }
    }
}

/// The float types' own kernels. A supertrait of [`Float`] that no other type can implement, as this module is private.
pub trait Multiply: Sized {
    fn multiply(isa: Isa, zeros: Zeros, product: Product<'_, Self>);
}

macro_rules! multiply {
    ($float:ident, $([$($isa:ident)*] $function:ident $features:literal $rows:literal $widest:ident $($narrow:ident)*),*;
     $portable:ident $array:ty) => {
        impl Multiply for $float {
            #[allow(unsafe_code)]
            fn multiply(isa: Isa, zeros: Zeros, product: Product<'_, $float>) {
                match isa {
                    // SAFETY: `Isa::detect` found the features that the function was compiled for.
                    $(#[cfg(target_arch = "x86_64")]
                    $(Isa::$isa)|* => unsafe { $function(zeros, product) },)*
                    Isa::Portable => $portable(zeros, product),
                }
            }
        }

        $(#[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $function(zeros: Zeros, product: Product<'_, $float>) {
            use std::arch::x86_64::{$widest, $($narrow),*};
            run!($float, zeros, product, $rows, $widest, [$widest, $($narrow,)* [$float; 1]]);
        })*

        fn $portable(zeros: Zeros, product: Product<'_, $float>) {
            run!($float, zeros, product, 4, $array, [$array, [$float; 1]]);
        }
    };
}

/// The body of a `multiply` function, with tiles of `$mr` rows and two `$wide` vectors.
macro_rules! run {
    ($float:ident, $zeros:expr, $product:expr, $mr:literal, $wide:ty, $vectors:tt) => {
        match $product {
            Product::Rows { x, w, y } => {
                let nonzero = NonZero::of_rows(x);
                let narrow = w.columns <= 32 || x.rows < 8;
                if narrow && $zeros == Zeros::Auto || $zeros.skip(nonzero.count, x.data.len()) {
                    by_width!(w.columns, $float, V, NARROW in $vectors => sparse_rows::<$float, V, NARROW>(x, &nonzero, w, y));
                } else {
                    let shape = (x.rows, x.columns, w.columns);
                    dense::<$float, $wide, $mr, 2>(shape, columns_of(x), rows_of(w), y);
                }
            }
            Product::TransposedRight { dy, w, dx } => {
                let shape = (dy.rows, dy.columns, w.rows);
                dense::<$float, $wide, $mr, 2>(shape, columns_of(dy), columns_of(w), dx);
            }
            Product::TransposedLeft { x, dy, dw } => {
                let nonzero = x.data.iter().filter(|x| **x != 0.0).count();
                let narrow = dy.columns <= 32 || x.rows < 8;
                if narrow && $zeros == Zeros::Auto || $zeros.skip(nonzero, x.data.len()) {
                    by_width!(dy.columns, $float, V, NARROW in $vectors => sparse_transposed::<$float, V, NARROW>(x, dy, dw));
                } else {
                    let shape = (x.columns, x.rows, dy.columns);
                    dense::<$float, $wide, $mr, 2>(shape, rows_of(x), rows_of(dy), dw);
                }
            }
        }
    };
}

/// Calls `$body` with `V` as the widest of the vectors that is no wider than the matrix, and `NARROW` as whether it is
/// not the widest of all. (Without a column there is nothing to do.)
macro_rules! by_width {
    ($columns:expr, $float:ident, $V:ident, $N:ident in [$widest:ty, $($narrow:ty),*] => $body:expr) => {
        if $columns >= <$widest as Simd<$float>>::LANES {
            type $V = $widest;
            const $N: bool = false;
            $body;
        } $(else if $columns >= <$narrow as Simd<$float>>::LANES {
            type $V = $narrow;
            const $N: bool = true;
            $body;
        })*
    };
}

/// Packs rows `from..from + width` as `out[k][row]`: for a right operand that is to be transposed, or a left one.
#[inline(always)]
fn columns_of<F: Float>(a: Matrix<'_, F>) -> impl Fn(usize, usize, &mut [F]) {
    move |from, width, out| {
        for i in 0..width {
            let column = out.iter_mut().skip(i).step_by(width);
            if from + i < a.rows {
                let row = &a.data[(from + i) * a.columns..][..a.columns];
                column.zip(row).for_each(|(out, &a)| *out = a);
            } else {
                column.for_each(|out| *out = F::zero());
            }
        }
    }
}

/// Packs columns `from..from + width` as `out[k][column]`: for a right operand, or a left one that is to be transposed.
#[inline(always)]
fn rows_of<F: Float>(b: Matrix<'_, F>) -> impl Fn(usize, usize, &mut [F]) {
    move |from, width, out| {
        let there = width.min(b.columns - from);
        for (out, row) in out.chunks_exact_mut(width).zip(b.data.chunks_exact(b.columns)) {
            out[..there].copy_from_slice(&row[from..][..there]);
            out[there..].fill(F::zero());
        }
    }
}

multiply!(
    f32,
    [Avx512] f32_avx512 "avx512f,avx2,fma,bmi1" 8 __m512 __m256 __m128,
    [Avx2] f32_avx2 "avx2,fma,bmi1" 6 __m256 __m128;
    f32_portable [f32; 4]
);
// f64 is for checking gradients: one set of kernels, and a shorter wait for the compiler.
multiply!(f64, [Avx512 Avx2] f64_avx2 "avx2,fma,bmi1" 6 __m256d __m128d; f64_portable [f64; 2]);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every product in every way that this CPU can compute it.
    fn ways() -> Vec<(Isa, Zeros)> {
        let mut isas = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let widest = Isa::detect();
            isas.extend(
                [Isa::Avx2, Isa::Avx512]
                    .into_iter()
                    .filter(|&isa| isa == widest || widest == Isa::Avx512),
            );
        }
        let zeros = [Zeros::Auto, Zeros::Skip, Zeros::Multiply];
        isas.into_iter().flat_map(|isa| zeros.map(|zeros| (isa, zeros))).collect()
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

    /// The three products, written as their definition.
    fn naive(kind: usize, (m, k, n): (usize, usize, usize), a: &[f64], b: &[f64], c: &mut [f64]) {
        for i in 0..m {
            for j in 0..n {
                for l in 0..k {
                    c[i * n + j] += match kind {
                        0 => a[i * k + l] * b[l * n + j],
                        1 => a[i * k + l] * b[j * k + l],
                        _ => a[l * m + i] * b[l * n + j],
                    };
                }
            }
        }
    }

    fn product<'a, F>(
        kind: usize,
        (m, k, n): (usize, usize, usize),
        a: &'a [F],
        b: &'a [F],
        c: &'a mut [F],
    ) -> Product<'a, F> {
        let matrix = |data, rows, columns| Matrix { data, rows, columns };
        match kind {
            0 => Product::Rows { x: matrix(a, m, k), w: matrix(b, k, n), y: c },
            1 => Product::TransposedRight { dy: matrix(a, m, k), w: matrix(b, n, k), dx: c },
            _ => Product::TransposedLeft { x: matrix(a, k, m), dy: matrix(b, k, n), dw: c },
        }
    }

    fn check<F: Float>(kind: usize, shape: (usize, usize, usize), zeros: f64, tolerance: f64) {
        let (m, k, n) = shape;
        let state = &mut ((m * 31 + k * 17 + n + kind) as u64);
        let (a, b, c) =
            (numbers(m * k, zeros, state), numbers(k * n, 0.1, state), numbers(m * n, 0.3, state));
        // What is added to has no negative zeros: whether those stay is the one thing the ways may differ in.
        let c: Vec<f64> = c.into_iter().map(|c| c + 0.0).collect();
        let narrow = |v: &[f64]| v.iter().map(|&v| F::from_f64(v)).collect::<Vec<F>>();
        let mut expected = c.clone();
        naive(kind, shape, &a, &b, &mut expected);
        let mut first: Option<Vec<F>> = None;
        for (isa, zeros) in ways() {
            let (a, b, mut c) = (narrow(&a), narrow(&b), narrow(&c));
            F::multiply(isa, zeros, product(kind, shape, &a, &b, &mut c));
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

    /// A sum that underflows to -0 stays -0 when the products with zero behind it are skipped, and does not otherwise.
    #[test]
    fn a_zero_is_positive() {
        let (x, w) = ([-1e-30f32, 0.0], [[1e-30f32; 33], [1.0; 33]].concat());
        for (isa, zeros) in ways() {
            let (mut y, mut dw) = (vec![0.0; 33], vec![0.0; 2 * 33]);
            f32::multiply(isa, zeros, product(0, (1, 2, 33), &x, &w, &mut y));
            f32::multiply(isa, zeros, product(2, (2, 1, 33), &x, &w[..33], &mut dw));
            assert!(
                y.iter().chain(&dw).all(|v| v.to_bits() == 0),
                "{isa:?} {zeros:?}: {y:?} {dw:?}"
            );
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
        ];
        for m in [0, 1, 2, 7, 9] {
            for k in [0, 1, 3, 33, 64] {
                shapes.extend(
                    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 140].map(|n| (m, k, n)),
                );
            }
        }
        for shape in shapes {
            for kind in 0..3 {
                for zeros in [0.0, 0.8] {
                    check::<f32>(kind, shape, zeros, 1e-6);
                    check::<f64>(kind, shape, zeros, 1e-14);
                }
            }
        }
    }
}
