//! Arrays whose memory is used again.

use ndarray::{Array1, Array2, Axis, Slice};

use crate::Float;
use crate::memory;
use crate::tuning::LINE;

/// An array to be written to: what it holds is left over from others. Its memory is that of one
/// given to [`recycle`], where there is one of about the size.
///
/// ```
/// use longhand_tensor::{recycle, unspecified};
///
/// let array = unspecified::<f32>(100, 100);
/// let memory = array.as_ptr();
/// recycle(array);
/// let mut array = unspecified::<f32>(99, 99);
/// assert_eq!(array.as_ptr(), memory);
/// array.fill(2.0); // before this, it held anything
/// ```
pub fn unspecified<F: Float>(rows: usize, columns: usize) -> Array2<F> {
    Array2::from_shape_vec((rows, columns), memory::take(rows * columns))
        .expect("rows · columns numbers")
}

/// The same, beginning where a cache line does: of as many columns as fill lines, no vector then
/// lies in two. The array does not begin where its memory does, which `into_raw_vec_and_offset`
/// tells.
///
/// ```
/// let array = longhand_tensor::unspecified_at_line::<f32>(10, 30);
/// assert_eq!((array.dim(), array.as_ptr().align_offset(64)), ((10, 30), 0));
/// ```
pub fn unspecified_at_line<F: Float>(rows: usize, columns: usize) -> Array2<F> {
    let (n, spare) = (rows * columns, LINE / size_of::<F>());
    let mut numbers: Array1<F> = Array1::from_vec(memory::take(n + spare));
    let line = numbers.as_ptr().align_offset(LINE).min(spare);
    numbers.slice_axis_inplace(Axis(0), Slice::from(line..line + n));
    numbers.into_shape_with_order((rows, columns)).expect("rows · columns numbers")
}

/// Gives an array's memory to later results of this thread: of the products, and of
/// [`unspecified`]. Dropping the array is fine, too. But in a loop that drops arrays of the same
/// sizes each time, giving it back saves the search for memory.
pub fn recycle<F: Float>(array: Array2<F>) {
    memory::give(array.into_raw_vec_and_offset().0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::with_arrays;
    use crate::tuning::KEPT;

    #[test]
    fn no_more_is_kept_than_allowed_and_nothing_too_large_is_given() {
        for i in 0..100 {
            recycle(Array2::<f32>::ones((1, 3000 + i)));
        }
        with_arrays(|kept: &mut Vec<Vec<f32>>| {
            assert_eq!(kept.len(), KEPT.0);
            assert_eq!(kept[0].len(), 3000 + 100 - KEPT.0);
        });
        assert!(unspecified::<f32>(1, 4000).iter().all(|&x| x == 0.0), "none of them is as large");
        assert!(unspecified::<f32>(1, 1400).iter().all(|&x| x == 0.0), "all of them are too large");
        assert!(unspecified::<f64>(1, 3000).iter().all(|&x| x == 0.0), "these were of f32");
        assert!(unspecified::<f32>(2, 1500).iter().all(|&x| x == 1.0));
        recycle(Array2::<f32>::zeros((1, KEPT.1 + 1)));
        with_arrays(|kept: &mut Vec<Vec<f32>>| assert!(kept.is_empty()));
        assert_eq!(unspecified::<f32>(0, 7).dim(), (0, 7));
    }
}
