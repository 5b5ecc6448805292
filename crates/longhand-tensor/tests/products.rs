//! The products against their definition, and where their operands end.

use longhand_tensor::ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, array, s};
use longhand_tensor::{
    add_matmul_tn, add_scaled_matmul_tn, affine, matmul, matmul_nt, recycle, reference,
};
use proptest::prelude::*;

/// Numbers from -1 to 1, a share of them zero.
fn numbers(rows: usize, columns: usize, zeros: f64, seed: u64) -> Array2<f32> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    Array2::from_shape_simple_fn((rows, columns), || {
        let (zero, number) = (next() < zeros, 2.0 * next() - 1.0);
        if zero { 0.0 } else { number as f32 }
    })
}

fn bits<'a>(array: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    array.into_iter().map(|a| a.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any shape, any share of zeros: the bits are those of the loops of the definition, which are
    /// near the sums in f64.
    #[test]
    #[cfg_attr(miri, ignore = "large shapes")]
    fn products_are_their_definition_to_the_last_bit(
        n in 0usize..70, k in 0usize..300, m in 0usize..100, zeros in 0.0..1.0, seed in 0u64..1000,
    ) {
        are_their_definition(n, k, m, zeros, seed)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The same of wide ones, which are computed in another way.
    #[test]
    #[cfg_attr(miri, ignore = "large shapes")]
    fn wide_products_are_their_definition_to_the_last_bit(
        n in 0usize..256, k in 0usize..60, m in 250usize..300, zeros in 0.0..1.0, seed in 0u64..1000,
    ) {
        are_their_definition(n, k, m, zeros, seed)?;
    }
}

fn are_their_definition(
    n: usize,
    k: usize,
    m: usize,
    zeros: f64,
    seed: u64,
) -> Result<(), TestCaseError> {
    let (x, w, dy) =
        (numbers(n, k, zeros, seed), numbers(k, m, 0.0, seed + 1), numbers(n, m, 0.0, seed + 2));
    let b = Array1::from_shape_fn(m, |i| i as f32 / 8.0 - 1.0);
    // Results may be written to memory that was used before: what it held must not show.
    let leave = |rows, columns| recycle(Array2::from_elem((rows, columns), f32::NAN));
    leave(n, m);
    let y = affine(&x, &w, &b);
    prop_assert_eq!(bits(&y), bits(&reference::affine(&x, &w, &b)));
    leave(n, m);
    prop_assert_eq!(bits(&matmul(&x, &w)), bits(&reference::affine(&x, &w, &Array1::zeros(m))));
    leave(n, k);
    prop_assert_eq!(bits(&matmul_nt(&dy, &w)), bits(&reference::matmul_nt(&dy, &w)));
    let (mut dw, mut slow) = (w.clone(), w.clone());
    add_matmul_tn(&x, &dy, &mut dw);
    reference::add_matmul_tn(&x, &dy, &mut slow);
    prop_assert_eq!(bits(&dw), bits(&slow));
    for a in [-0.1, 2.5, 0.0] {
        let (mut product, mut slow, mut fast) = (Array2::zeros((k, m)), w.clone(), w.clone());
        // Negative zeros, which a zero of the other sign would change.
        for w in [&mut slow, &mut fast] {
            w.slice_mut(s![..k.min(1), ..]).fill(-0.0);
        }
        reference::add_matmul_tn(&x, &dy, &mut product);
        slow.zip_mut_with(&product, |w, p| *w += a * p);
        add_scaled_matmul_tn(&x, &dy, a, &mut fast);
        prop_assert_eq!(bits(&fast), bits(&slow));
    }

    let exact = reference::affine(&x.mapv(f64::from), &w.mapv(f64::from), &b.mapv(f64::from));
    let scale = reference::affine(
        &x.mapv(|x| f64::from(x.abs())),
        &w.mapv(|w| f64::from(w.abs())),
        &b.mapv(|b| f64::from(b.abs())),
    );
    for ((y, exact), scale) in y.iter().zip(&exact).zip(&scale) {
        prop_assert!((f64::from(*y) - exact).abs() <= 1e-6 * scale, "{} {}", y, exact);
    }
    Ok(())
}

/// Many rows are summed in runs, and these in a tree: far more accurate than one after the other,
/// and the same whether the sum is written down or added to a weight at once.
#[test]
#[cfg_attr(miri, ignore = "too large")]
fn gradients_of_many_rows_are_right() {
    for (n, k, m) in [(257, 5, 3), (1000, 20, 30), (5000, 3, 300)] {
        let (x, dy) = (numbers(n, k, 0.5, 1).mapv(f32::abs), numbers(n, m, 0.0, 2).mapv(f32::abs));
        let mut dw = Array2::zeros((k, m));
        add_matmul_tn(&x, &dy, &mut dw);
        let mut exact = Array2::zeros((k, m));
        reference::add_matmul_tn(&x.mapv(f64::from), &dy.mapv(f64::from), &mut exact);
        for (found, exact) in dw.iter().zip(&exact) {
            assert!((f64::from(*found) - exact).abs() <= 2e-6 * exact, "{found} {exact}");
        }
        let (before, mut weight) = (numbers(k, m, 0.0, 3), numbers(k, m, 0.0, 3));
        add_scaled_matmul_tn(&x, &dy, -0.1, &mut weight);
        assert_eq!(bits(&weight), bits(&(&before + &dw.mapv(|g| -0.1 * g))));
    }
}

#[test]
#[cfg_attr(miri, ignore = "large shapes")]
fn views_of_any_strides_give_what_their_copies_give() {
    let (x, w, dy) = (numbers(40, 66, 0.8, 1), numbers(66, 70, 0.0, 2), numbers(40, 70, 0.0, 3));
    let views = [
        (x.slice(s![..;2, ..]), w.slice(s![.., ..]), dy.slice(s![..;2, ..])),
        (x.slice(s![..;-1, ..]), w.slice(s![.., ..;-3]), dy.slice(s![.., ..;-3])),
        (x.slice(s![3..9, 1..65;4]), w.slice(s![1..65;4, 5..]), dy.slice(s![3..9, 5..])),
    ];
    for (x, w, dy) in views {
        let transposed = |a: &ArrayView2<'_, f32>| a.t().as_standard_layout().into_owned();
        let (xt, wt, dyt) = (transposed(&x), transposed(&w), transposed(&dy));
        let expected = matmul(&x.to_owned(), &w.to_owned());
        assert_eq!(matmul(&x, &w), expected);
        assert_eq!(matmul(&xt.t(), &wt.t()), expected);
        let expected = matmul_nt(&dy.to_owned(), &w.to_owned());
        assert_eq!(matmul_nt(&dy, &w), expected);
        assert_eq!(matmul_nt(&dyt.t(), &wt.t()), expected);
        let mut expected = Array2::ones(w.dim());
        add_matmul_tn(&x.to_owned(), &dy.to_owned(), &mut expected);
        // Into every other row of a larger array, whose other rows stay as they are; and into a
        // transposed one.
        let mut larger = Array2::ones((2 * w.nrows(), w.ncols()));
        add_matmul_tn(&x, &dy, &mut larger.slice_mut(s![..;2, ..]));
        assert_eq!(larger.slice(s![..;2, ..]), expected);
        let mut scaled = Array2::ones((2 * w.nrows(), w.ncols()));
        add_scaled_matmul_tn(&x, &dy, 1.0, &mut scaled.slice_mut(s![..;2, ..]));
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
        assert!(scaled.iter().zip(&larger).all(near)); // rounded one time more
        assert!(larger.slice(s![1..;2, ..]).iter().all(|&l| l == 1.0));
        let mut other_way: Array2<f32> = Array2::ones((w.ncols(), w.nrows()));
        add_matmul_tn(&xt.t(), &dyt.t(), &mut other_way.view_mut().reversed_axes());
        assert_eq!(other_way.t(), expected);
    }
}

/// What is not finite reaches the results of its own row and column, and of no other. (What zero
/// times infinity is, is left open: NaN, or nothing where the zero is skipped.)
#[test]
#[cfg_attr(miri, ignore = "large shapes")]
fn infinity_and_nan_stay_in_their_row_and_column() {
    for columns in [3, 10, 30, 40, 100] {
        for bad in [f32::NAN, f32::INFINITY] {
            for zeros in [0.0, 0.9] {
                let clean = numbers(20, 50, zeros, 7);
                let (w, dy) = (numbers(50, columns, 0.0, 8), numbers(20, columns, 0.0, 9));
                let mut x = clean.clone();
                x[[4, 11]] = bad;
                let (y, y_clean) = (matmul(&x, &w), matmul(&clean, &w));
                let (mut dw, mut dw_clean) = (w.clone(), w.clone());
                add_matmul_tn(&x, &dy, &mut dw);
                add_matmul_tn(&clean, &dy, &mut dw_clean);
                for r in 0..20 {
                    assert!(r == 4 || y.row(r) == y_clean.row(r));
                }
                for i in 0..50 {
                    assert!(i == 11 || dw.row(i) == dw_clean.row(i));
                }
                assert!(y.row(4).iter().chain(dw.row(11)).all(|v| !v.is_finite()));
                // In the right operand: its column, for the rows whose x is not zero.
                let (mut w_bad, x) = (w.clone(), clean);
                w_bad[[11, 2]] = bad;
                let y = matmul(&x, &w_bad);
                for ((r, c), v) in y.indexed_iter() {
                    assert!(c == 2 || *v == y_clean[[r, c]]);
                    assert!(c != 2 || x[[r, 11]] == 0.0 || !v.is_finite());
                }
            }
        }
    }
    assert!(
        matmul(&array![[f32::INFINITY, 1.0]], &array![[-1.0], [1.0]])[[0, 0]] == f32::NEG_INFINITY
    );
}

/// Pages of memory with pages on either side that may not be touched.
#[cfg(unix)]
#[allow(unsafe_code)]
mod guarded {
    pub struct Guarded {
        start: *mut u8,
        page: usize,
        pages: usize,
    }

    impl Guarded {
        pub fn new(bytes: usize) -> Guarded {
            // SAFETY: a new anonymous mapping, of which the first and the last page are made
            // inaccessible.
            unsafe {
                let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
                let pages = bytes.div_ceil(page).max(1);
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                let readable = libc::PROT_READ | libc::PROT_WRITE;
                let length = (pages + 2) * page;
                let start =
                    libc::mmap(std::ptr::null_mut(), length, readable, flags, -1, 0).cast::<u8>();
                assert!(start.cast() != libc::MAP_FAILED);
                assert_eq!(libc::mprotect(start.cast(), page, libc::PROT_NONE), 0);
                let last = start.add((pages + 1) * page);
                assert_eq!(libc::mprotect(last.cast(), page, libc::PROT_NONE), 0);
                Guarded { start, page, pages }
            }
        }

        /// `len` floats that end where the readable pages end, or begin where these begin.
        pub fn floats(&mut self, len: usize, at_end: bool) -> &mut [f32] {
            let room = self.pages * self.page - 4 * len;
            let offset = self.page + if at_end { room } else { 0 };
            // SAFETY: within the readable pages, which are zeroed, aligned to 4 bytes at both ends,
            // and borrowed mutably.
            unsafe { std::slice::from_raw_parts_mut(self.start.add(offset).cast(), len) }
        }
    }

    impl Drop for Guarded {
        fn drop(&mut self) {
            // SAFETY: the mapping that `new` made.
            unsafe { libc::munmap(self.start.cast(), (self.pages + 2) * self.page) };
        }
    }
}

/// Operands that begin or end at memory which may not be touched: a kernel that reads or writes
/// past them is killed.
#[cfg(unix)]
#[test]
#[cfg_attr(miri, ignore = "maps pages")]
fn no_kernel_reaches_past_its_operands() {
    let copy = |numbers: &Array2<f32>| {
        let mut memory = guarded::Guarded::new(4 * numbers.len());
        for at_end in [false, true] {
            memory.floats(numbers.len(), at_end).copy_from_slice(numbers.as_slice().unwrap());
        }
        memory
    };
    for n in [1, 3, 7, 8, 9, 16, 33] {
        for k in [1, 5, 15, 16, 17, 65, 130, 144] {
            for m in [1, 3, 7, 8, 9, 10, 15, 16, 17, 30, 31, 32, 33, 47, 100] {
                for zeros in [0.0, 0.8] {
                    let (x, w, dy) =
                        (numbers(n, k, zeros, 1), numbers(k, m, 0.0, 2), numbers(n, m, 0.0, 3));
                    let b = numbers(1, m, 0.0, 4);
                    let mut expected = w.clone();
                    add_matmul_tn(&x, &dy, &mut expected);
                    for at_end in [true, false] {
                        // One copy each way, as the two overlap in memory.
                        let (mut mx, mut mw, mut mdy, mut mb) =
                            (guarded::Guarded::new(4 * n * k), copy(&w), copy(&dy), copy(&b));
                        let place = |memory: &mut guarded::Guarded, a: &Array2<f32>| {
                            memory.floats(a.len(), at_end).copy_from_slice(a.as_slice().unwrap());
                        };
                        place(&mut mx, &x);
                        place(&mut mw, &w);
                        place(&mut mdy, &dy);
                        place(&mut mb, &b);
                        let gx = ArrayView2::from_shape((n, k), mx.floats(n * k, at_end)).unwrap();
                        let gdy =
                            ArrayView2::from_shape((n, m), mdy.floats(n * m, at_end)).unwrap();
                        let gb = ArrayView1::from(&*mb.floats(m, at_end));
                        {
                            let gw =
                                ArrayView2::from_shape((k, m), mw.floats(k * m, at_end)).unwrap();
                            assert_eq!(affine(&gx, &gw, &gb), affine(&x, &w, &b.row(0)));
                            assert_eq!(matmul_nt(&gdy, &gw), matmul_nt(&dy, &w));
                        }
                        let mut gdw =
                            ArrayViewMut2::from_shape((k, m), mw.floats(k * m, at_end)).unwrap();
                        add_matmul_tn(&gx, &gdy, &mut gdw);
                        assert_eq!(gdw, expected);
                        let mut expected = expected.clone();
                        add_scaled_matmul_tn(&x, &dy, -0.5, &mut expected);
                        add_scaled_matmul_tn(&gx, &gdy, -0.5, &mut gdw);
                        assert_eq!(gdw, expected);
                    }
                }
            }
        }
    }
}

/// A gradient in the middle of numbers that are not numbers: these stay, and none of them comes in.
#[test]
#[cfg_attr(miri, ignore = "large shapes")]
fn what_stands_around_an_output_stays() {
    for (n, k, m) in [(16, 784, 10), (16, 784, 30), (9, 33, 17), (40, 50, 100)] {
        for zeros in [0.0, 0.8] {
            let (x, dy) = (numbers(n, k, zeros, 1), numbers(n, m, 0.0, 2));
            let mut around = vec![f32::NAN; k * m + 64];
            around[32..32 + k * m].fill(1.0);
            let mut dw = ArrayViewMut2::from_shape((k, m), &mut around[32..32 + k * m]).unwrap();
            add_matmul_tn(&x, &dy, &mut dw);
            let mut expected = Array2::ones((k, m));
            add_matmul_tn(&x, &dy, &mut expected);
            assert_eq!(dw, expected);
            add_scaled_matmul_tn(&x, &dy, -0.5, &mut dw);
            add_scaled_matmul_tn(&x, &dy, -0.5, &mut expected);
            assert_eq!(dw, expected);
            assert!(around[..32].iter().chain(&around[32 + k * m..]).all(|v| v.is_nan()));
        }
    }
}

/// All tests of this file once more, with the kernels for lesser CPUs, and with zeros never
/// skipped.
#[test]
#[cfg_attr(miri, ignore = "starts programs")]
fn the_other_kernels_pass_too() {
    for (variable, value) in [
        ("LONGHAND_KERNELS", "avx2"),
        ("LONGHAND_KERNELS", "portable"),
        ("LONGHAND_ZEROS", "multiply"),
    ] {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        let tests = tests.args(["--skip", "the_other_kernels"]).env(variable, value);
        let output = tests.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{variable}={value}: {printed}");
        assert!(printed.contains("7 passed"), "{printed}");
    }
}
