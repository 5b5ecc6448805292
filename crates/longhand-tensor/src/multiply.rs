//! Products, computed as they are planned.

use std::sync::{Mutex, OnceLock};

use crate::compiled::Compiled;
use crate::isa::Isa;
use crate::kernel::Scratch;
use crate::kernel::groups::{Left, Right};
use crate::kernel::matrix::Matrix;
use crate::memory::{self, Remembers, with_scratch};
use crate::plan::{self, Plan, plan};
use crate::pool::{for_each_part, spread, threads};
use crate::product::Product;
use crate::scalar::Scalar;
use crate::tuning::{FEWEST_COLUMNS, LINE};

/// Numbers that are multiplied, in functions that are compiled with this crate, however little a
/// program that depends on it is optimised. Only this crate has a [`Product`].
pub trait Multiply: Compiled + Remembers {
    /// Computes a product, in parts on several threads if it is large enough.
    fn multiply(product: Product<'_, Self>);

    /// Computes a product on this thread.
    fn multiply_here(product: Product<'_, Self>);
}

impl Multiply for f32 {
    fn multiply(product: Product<'_, f32>) {
        multiply_on_threads(product);
    }

    fn multiply_here(product: Product<'_, f32>) {
        with_scratch(|scratch| multiply(Isa::detect(), skip_zeros(), product, scratch));
    }
}

impl Multiply for f64 {
    fn multiply(product: Product<'_, f64>) {
        multiply_on_threads(product);
    }

    fn multiply_here(product: Product<'_, f64>) {
        with_scratch(|scratch| multiply(Isa::detect(), skip_zeros(), product, scratch));
    }
}

fn multiply_on_threads<F: Compiled + Remembers>(product: Product<'_, F>) {
    let (isa, skip) = (Isa::detect(), skip_zeros());
    let shape = product.shape();
    let parts = plan::threads_for(shape, threads());
    if plan::spreads(shape) {
        spread(parts);
    }
    if parts == 1 {
        return with_scratch(|scratch| multiply(isa, skip, product, scratch));
    }
    let parts: Vec<_> = product.split(parts).into_iter().map(|p| Mutex::new(Some(p))).collect();
    for_each_part(parts.len(), &|i| {
        let part = parts[i].lock().map(|mut part| part.take());
        let part = part.ok().flatten().expect("each part is taken once");
        with_scratch(|scratch| multiply(isa, skip, part, scratch));
    });
}

/// Whether zeros of the left operand are left out: always, unless `LONGHAND_ZEROS=multiply` is in
/// the environment, as tests want it.
fn skip_zeros() -> bool {
    static SKIP: OnceLock<bool> = OnceLock::new();
    *SKIP.get_or_init(|| std::env::var("LONGHAND_ZEROS").as_deref() != Ok("multiply"))
}

/// Computes a product on this thread.
fn multiply<F: Compiled + Remembers>(
    isa: Isa,
    skip: bool,
    product: Product<'_, F>,
    scratch: &mut Scratch<F>,
) {
    let plan = plan::<F>(product.kind(), product.shape(), skip);
    match (plan, product) {
        (Plan::Nothing, _) => {}
        (Plan::Widen, product) => widened(isa, skip, product, scratch),
        (Plan::Strips { skip }, Product::Rows { x, w, bias, mut y }) => {
            F::strips_rows(isa, x, w, bias, skip, &mut y, &mut scratch.strips);
        }
        (Plan::Groups { skip }, Product::Rows { x, w, bias, mut y }) => {
            start(&mut y, bias);
            let (x, w) = (Left::Rows(x), Right::Rows(w));
            F::groups(isa, x, w, skip, None, &mut y, &mut scratch.lists);
        }
        (Plan::Transpose, Product::TransposedRight { dy, w, dx }) => {
            let (n, spare) = (w.rows * w.columns, LINE / size_of::<F>());
            let mut memory: Vec<F> = memory::take(n + spare);
            let line = memory.as_ptr().align_offset(LINE).min(spare);
            let columns = &mut memory[line..][..n];
            w.transpose(columns, w.rows);
            let w = Matrix::new(columns, w.columns, w.rows);
            multiply(isa, skip, Product::Rows { x: dy, w, bias: None, y: dx }, scratch);
            memory::give(memory);
        }
        (Plan::Groups { skip }, Product::TransposedRight { dy, w, mut dx }) => {
            start(&mut dx, None);
            let (dy, w) = (Left::Rows(dy), Right::Columns(w));
            F::groups(isa, dy, w, skip, None, &mut dx, &mut scratch.lists);
        }
        (Plan::Strips { skip }, Product::TransposedLeft { x, dy, scale, dw }) => {
            F::strips_transposed(isa, x, dy, skip, scale, dw, &mut scratch.strips);
        }
        (Plan::Groups { skip }, Product::TransposedLeft { x, dy, scale, dw }) => {
            let mut dw: Vec<_> = dw.chunks_exact_mut(dy.columns).collect();
            let (x, dy) = (Left::Columns(x), Right::Rows(dy));
            F::groups(isa, x, dy, skip, scale, &mut dw, &mut scratch.lists);
        }
        (plan, product) => unreachable!("{plan:?} of {:?}", product.kind()),
    }
}

/// Computes a product of fewer columns than any vector has lanes by way of copies that have enough.
fn widened<F: Compiled + Remembers>(
    isa: Isa,
    skip: bool,
    product: Product<'_, F>,
    scratch: &mut Scratch<F>,
) {
    let columns = FEWEST_COLUMNS;
    match product {
        Product::Rows { x, w, bias, y } => {
            let (wide, mut wide_y) = (w.widened(columns), vec![F::zero(); x.rows * columns]);
            let bias = bias.map(|bias| Matrix::new(bias, 1, bias.len()).widened(columns));
            let (w, bias) = (Matrix::new(&wide, w.rows, columns), bias.as_deref());
            let rows = wide_y.chunks_exact_mut(columns).collect();
            multiply(isa, skip, Product::Rows { x, w, bias, y: rows }, scratch);
            for (y, wide) in y.into_iter().zip(wide_y.chunks_exact(columns)) {
                y.copy_from_slice(&wide[..y.len()]);
            }
        }
        Product::TransposedLeft { x, dy, scale, dw } => {
            let (wide, narrow) = (dy.widened(columns), dy.columns);
            let mut wide_dw = Matrix::new(dw, x.columns, narrow).widened(columns);
            let dy = Matrix::new(&wide, dy.rows, columns);
            let product = Product::TransposedLeft { x, dy, scale, dw: &mut wide_dw };
            multiply(isa, skip, product, scratch);
            for (dw, wide) in dw.chunks_exact_mut(narrow).zip(wide_dw.chunks_exact(columns)) {
                dw.copy_from_slice(&wide[..narrow]);
            }
        }
        Product::TransposedRight { .. } => unreachable!("its copy is transposed"),
    }
}

/// Writes what products are added to: in no case a negative zero, as in every finished sum.
fn start<F: Scalar>(rows: &mut [&mut [F]], bias: Option<&[F]>) {
    match bias {
        None => rows.iter_mut().for_each(|row| row.fill(F::zero())),
        Some(bias) => {
            let bias: Vec<_> = bias.iter().map(|&b| b + F::zero()).collect();
            rows.iter_mut().for_each(|row| row.copy_from_slice(&bias));
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::Float;
    use crate::plan::{Kind, Shape};

    const KINDS: [Kind; 4] = [Kind::Rows, Kind::TransposedRight, Kind::TransposedLeft, SCALED];
    const SCALED: Kind = Kind::Scaled { vanishes: true };
    const SCALE: f64 = -0.5;

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

    /// The products, written as their definition. The result has `m` rows and `n` columns, and `k`
    /// is summed over.
    fn naive(kind: Kind, (m, k, n): (usize, usize, usize), a: &[f64], b: &[f64], c: &mut [f64]) {
        for i in 0..m {
            for j in 0..n {
                for l in 0..k {
                    c[i * n + j] += match kind {
                        Kind::Rows => a[i * k + l] * b[l * n + j],
                        Kind::TransposedRight => a[i * k + l] * b[j * k + l],
                        Kind::TransposedLeft => a[l * m + i] * b[l * n + j],
                        Kind::Scaled { .. } => SCALE * a[l * m + i] * b[l * n + j],
                    };
                }
            }
        }
    }

    fn product<'a, F: Float>(
        kind: Kind,
        (m, k, n): (usize, usize, usize),
        (a, b, bias): (&'a [F], &'a [F], &'a [F]),
        c: &'a mut [F],
    ) -> Product<'a, F> {
        let rows = |c: &'a mut [F]| -> Vec<&'a mut [F]> {
            let mut rest = c.chunks_exact_mut(n.max(1));
            (0..m).map(|_| rest.next().unwrap_or_default()).collect()
        };
        match kind {
            Kind::Rows => Product::Rows {
                x: Matrix::new(a, m, k),
                w: Matrix::new(b, k, n),
                bias: Some(bias),
                y: rows(c),
            },
            Kind::TransposedRight => Product::TransposedRight {
                dy: Matrix::new(a, m, k),
                w: Matrix::new(b, n, k),
                dx: rows(c),
            },
            Kind::TransposedLeft | Kind::Scaled { .. } => Product::TransposedLeft {
                x: Matrix::new(a, k, m),
                dy: Matrix::new(b, k, n),
                scale: (kind == SCALED).then(|| F::from_f64(SCALE)),
                dw: c,
            },
        }
    }

    #[track_caller]
    fn check<F: Float>(kind: Kind, shape: (usize, usize, usize), zeros: f64, tolerance: f64) {
        let (m, k, n) = shape;
        let summed = Shape { rows: k, inner: m, columns: n };
        if kind == SCALED && !plan::finishes::<F>(summed) {
            return;
        }
        let state = &mut ((m * 31 + k * 17 + n) as u64);
        let (a, b, bias, dw) = (
            numbers(m * k, zeros, state),
            numbers(k * n, 0.1, state),
            numbers(n, 0.3, state),
            numbers(m * n, 0.3, state),
        );
        // What is added to has no negative zeros: whether those stay is the one thing the ways may
        // differ in.
        let c: Vec<f64> = match kind {
            Kind::Rows => bias.iter().copied().cycle().take(m * n).collect(),
            Kind::TransposedRight => vec![0.0; m * n],
            _ => dw.into_iter().map(|c| c + 0.0).collect(),
        };
        let narrow = |v: &[f64]| v.iter().map(|&v| F::from_f64(v)).collect::<Vec<F>>();
        let mut expected = c.clone();
        naive(kind, shape, &a, &b, &mut expected);
        let mut first: Option<Vec<u64>> = None;
        for (isa, zeros) in ways() {
            for &parts in if cfg!(miri) { &[2][..] } else { &[1, 2, 5] } {
                let (a, b, bias, mut c) = (narrow(&a), narrow(&b), narrow(&bias), narrow(&c));
                if matches!(kind, Kind::Rows | Kind::TransposedRight) {
                    c.fill(F::from_f64(f64::NAN)); // what is there is written over
                }
                for part in product(kind, shape, (&a, &b, &bias), &mut c).split(parts) {
                    with_scratch(|scratch| multiply(isa, zeros, part, scratch));
                }
                for (c, expected) in c.iter().zip(&expected) {
                    let error = (c.to_f64() - expected).abs();
                    assert!(
                        error <= tolerance * (k as f64).sqrt().max(1.0),
                        "{kind:?} {shape:?} {isa:?} {zeros:?}: {c} {expected}"
                    );
                }
                // The bits, in f64 as in F.
                let c: Vec<u64> = c.iter().map(|c| c.to_f64().to_bits()).collect();
                let same = *first.get_or_insert_with(|| c.clone()) == c;
                assert!(same, "{kind:?} {shape:?}: {isa:?} {zeros:?} gives other bits");
            }
        }
    }

    /// A sum that underflows to -0 stays -0 when the products with zero behind it are skipped, and
    /// does not otherwise.
    #[test]
    fn a_zero_is_positive() {
        for n in [3, 10, 30, 33] {
            let (x, w) = ([-1e-30f32, 0.0], [vec![1e-30f32; n], vec![1.0; n]].concat());
            for (isa, zeros) in ways() {
                let (mut y, mut dw) = (vec![0.0; n], vec![0.0; 2 * n]);
                let bias = vec![0.0; n];
                let rows = product(Kind::Rows, (1, 2, n), (&x, &w, &bias), &mut y);
                let left = product(Kind::TransposedLeft, (2, 1, n), (&x, &w[..n], &bias), &mut dw);
                with_scratch(|scratch| multiply(isa, zeros, rows, scratch));
                with_scratch(|scratch| multiply(isa, zeros, left, scratch));
                let positive = y.iter().chain(&dw).all(|v| v.to_bits() == 0);
                assert!(positive, "{n} {isa:?} {zeros:?}: {y:?} {dw:?}");
            }
        }
    }

    #[test]
    fn every_way_gives_the_same_bits_and_the_right_ones() {
        // An interpreter has no time for more than one shape of each plan.
        let mut shapes = vec![(2, 9, 3), (3, 17, 12), (1, 5, 40), (2, 2, 260)];
        let many: &[_] = &[
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
        let (many, ms) = if cfg!(miri) { (&[][..], &[][..]) } else { (many, &[0, 1, 2, 7, 9][..]) };
        shapes.extend(many);
        for &m in ms {
            for k in [0, 1, 3, 33, 64] {
                shapes.extend(
                    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 140].map(|n| (m, k, n)),
                );
            }
        }
        for shape in shapes {
            for kind in KINDS {
                for zeros in [0.0, 0.45, 0.8] {
                    check::<f32>(kind, shape, zeros, 1e-6);
                    check::<f64>(kind, shape, zeros, 1e-14);
                }
            }
        }
        // Longer lines than are listed at once, of which some sums in f32 are rounded by more.
        for kind in KINDS.into_iter().filter(|_| !cfg!(miri)) {
            check::<f32>(kind, (59, 2100, 70), 0.0, 4e-6);
            check::<f32>(kind, (35, 1100, 270), 0.0, 4e-6); // groups of four, and three lines left
        }
    }
}
