//! Memory of arrays that are done with, for later ones of the same thread: to get fresh memory from the allocator, and to set it to zero,
//! takes as long as some passes over it do.

use ndarray::{Array1, Array2, Axis, Slice};

use crate::Float;
use crate::kernel::{Gradients, Lists};

/// Numbers from which on an array's memory is kept; the allocator keeps smaller pieces itself.
const WORTH_KEEPING: usize = 1 << 10;

/// Arrays of which a thread keeps the memory, and the numbers of all of them together: some nets' activations and their gradients.
const KEPT: (usize, usize) = (32, 1 << 24);

/// Memory that a thread keeps.
pub struct Kept<F> {
    arrays: Vec<Vec<F>>,
    pub lists: Lists<F>,
    /// Columns of a left operand in which something is not zero, and rows, as bits.
    pub alive: Vec<u32>,
    pub rows: Vec<u64>,
    pub gradients: Option<Box<Gradients<F>>>,
    /// A part of a product that is added to something else.
    pub product: Vec<F>,
}

impl<F: Float> Kept<F> {
    pub const fn new() -> Kept<F> {
        Kept {
            arrays: vec![],
            lists: Lists::new(),
            alive: vec![],
            rows: vec![],
            gradients: None,
            product: vec![],
        }
    }
}

/// An array to be written to: what it holds is left over from others. Its memory is that of one given to [`recycle`], where there is one
/// of about the size.
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
    Array2::from_shape_vec((rows, columns), take(rows * columns)).expect("rows · columns numbers")
}

/// The same, beginning where a cache line does: of as many columns as fill lines, no vector then lies in two. The array does not begin where
/// its memory does, which `into_raw_vec_and_offset` tells.
///
/// ```
/// let array = longhand_tensor::unspecified_at_line::<f32>(10, 30);
/// assert_eq!((array.dim(), array.as_ptr().align_offset(64)), ((10, 30), 0));
/// ```
pub fn unspecified_at_line<F: Float>(rows: usize, columns: usize) -> Array2<F> {
    const LINE: usize = 64;
    let (n, spare) = (rows * columns, LINE / size_of::<F>());
    let mut numbers: Array1<F> = Array1::from_vec(take(n + spare));
    let line = numbers.as_ptr().align_offset(LINE).min(spare);
    numbers.slice_axis_inplace(Axis(0), Slice::from(line..line + n));
    numbers.into_shape_with_order((rows, columns)).expect("rows · columns numbers")
}

/// So many numbers, of any value.
fn take<F: Float>(n: usize) -> Vec<F> {
    // What was given last is likeliest to be in the cache.
    let last = |kept: &mut Kept<F>| {
        let found = kept.arrays.iter().rposition(|v| (n..=2 * n).contains(&v.capacity()))?;
        Some(kept.arrays.remove(found))
    };
    let found = if n < WORTH_KEEPING { None } else { F::with_kept(last) };
    let Some(mut numbers) = found else { return vec![F::zero(); n] };
    numbers.truncate(n);
    numbers.resize(n, F::zero());
    numbers
}

/// Gives an array's memory to later results of this thread: of the products, and of [`unspecified`]. Nothing more than to drop it need
/// be done; but in a loop that drops arrays of the same sizes each time, it saves the search for memory.
pub fn recycle<F: Float>(array: Array2<F>) {
    let numbers = array.into_raw_vec_and_offset().0;
    if numbers.capacity() < WORTH_KEEPING {
        return;
    }
    F::with_kept(|kept| {
        let kept = &mut kept.arrays;
        kept.push(numbers);
        let mut all: usize = kept.iter().map(Vec::capacity).sum();
        while kept.len() > KEPT.0 || all > KEPT.1 {
            all -= kept.remove(0).capacity(); // the oldest
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Kernels;

    #[test]
    fn no_more_is_kept_than_allowed_and_nothing_too_large_is_given() {
        for i in 0..100 {
            recycle(Array2::<f32>::ones((1, 3000 + i)));
        }
        f32::with_kept(|kept| {
            assert_eq!(kept.arrays.len(), KEPT.0);
            assert_eq!(kept.arrays[0].len(), 3000 + 100 - KEPT.0);
        });
        assert!(unspecified::<f32>(1, 4000).iter().all(|&x| x == 0.0), "none of them is as large");
        assert!(unspecified::<f32>(1, 1400).iter().all(|&x| x == 0.0), "all of them are too large");
        assert!(unspecified::<f64>(1, 3000).iter().all(|&x| x == 0.0), "these were of f32");
        assert!(unspecified::<f32>(2, 1500).iter().all(|&x| x == 1.0));
        recycle(Array2::<f32>::zeros((1, KEPT.1 + 1)));
        f32::with_kept(|kept| assert!(kept.arrays.is_empty()));
        assert_eq!(unspecified::<f32>(0, 7).dim(), (0, 7));
    }
}
