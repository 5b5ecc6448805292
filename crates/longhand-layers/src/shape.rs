use std::fmt;

use ndarray::ArrayRef2;

/// Panics unless `array` is `rows × columns`, in one sentence with the layer and both shapes;
/// `None` for any number of rows.
#[track_caller]
pub(crate) fn expect_shape<F>(
    layer: &dyn fmt::Display,
    what: &str,
    array: &ArrayRef2<F>,
    rows: Option<usize>,
    columns: usize,
) {
    expect_dim(layer, &what, array.dim(), (rows.unwrap_or(array.nrows()), columns));
}

/// Panics unless `found` is `expected`, in the same sentence.
#[track_caller]
pub(crate) fn expect_dim(
    layer: &dyn fmt::Display,
    what: &dyn fmt::Display,
    found: (usize, usize),
    expected: (usize, usize),
) {
    if found != expected {
        wrong_shape(layer, what, found, expected);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn wrong_shape(
    layer: &dyn fmt::Display,
    what: &dyn fmt::Display,
    found: (usize, usize),
    expected: (usize, usize),
) -> ! {
    panic!(
        "{layer}: {what} is {} × {}, expected {} × {}",
        found.0, found.1, expected.0, expected.1
    );
}
