//! Memory that each thread keeps: of arrays that are done with, for later ones, and for kernels.
//!
//! To get fresh memory from the allocator, and to set it to zero, takes as long as some passes over
//! it do.

use std::cell::RefCell;

use crate::kernel::Scratch;
use crate::scalar::Scalar;
use crate::tuning::{KEPT, WORTH_KEEPING};

/// What a thread keeps of one type of numbers.
pub struct Memory<F> {
    arrays: RefCell<Vec<Vec<F>>>,
    scratch: RefCell<Scratch<F>>,
}

/// Only this module makes one. So a function that takes it can be called from nowhere else, even
/// where a public trait gives it to everybody.
pub struct Inside(());

/// Numbers of which a thread keeps memory.
pub trait Remembers: Scalar {
    /// Calls `f` with the memory of this thread.
    fn with_memory<R>(inside: Inside, f: impl FnOnce(&Memory<Self>) -> R) -> R;
}

macro_rules! remembers {
    ($float:ty) => {
        impl Remembers for $float {
            #[inline]
            fn with_memory<R>(_: Inside, f: impl FnOnce(&Memory<$float>) -> R) -> R {
                thread_local! {
                    static MEMORY: Memory<$float> = const {
                        Memory {
                            arrays: RefCell::new(vec![]),
                            scratch: RefCell::new(Scratch::new()),
                        }
                    };
                }
                MEMORY.with(f)
            }
        }
    };
}
remembers!(f32);
remembers!(f64);

/// Calls `f` with the thread's memory for kernels.
pub fn with_scratch<F: Remembers, R>(f: impl FnOnce(&mut Scratch<F>) -> R) -> R {
    F::with_memory(Inside(()), |memory| f(&mut memory.scratch.borrow_mut()))
}

/// So many numbers, of any value.
pub fn take<F: Remembers>(n: usize) -> Vec<F> {
    // What was given last is likeliest to be in the cache.
    let last = |arrays: &mut Vec<Vec<F>>| {
        let found = arrays.iter().rposition(|v| (n..=2 * n).contains(&v.capacity()))?;
        Some(arrays.remove(found))
    };
    let found = if n < WORTH_KEEPING { None } else { with_arrays(last) };
    let Some(mut numbers) = found else { return vec![F::zero(); n] };
    numbers.truncate(n);
    numbers.resize(n, F::zero());
    numbers
}

/// Keeps the memory of numbers that are done with, if it is worth it.
pub fn give<F: Remembers>(numbers: Vec<F>) {
    if numbers.capacity() < WORTH_KEEPING {
        return;
    }
    with_arrays(|arrays| {
        arrays.push(numbers);
        let mut all: usize = arrays.iter().map(Vec::capacity).sum();
        while arrays.len() > KEPT.0 || all > KEPT.1 {
            all -= arrays.remove(0).capacity(); // the oldest
        }
    });
}

/// Calls `f` with the arrays whose memory the thread keeps, the oldest first.
pub fn with_arrays<F: Remembers, R>(f: impl FnOnce(&mut Vec<Vec<F>>) -> R) -> R {
    F::with_memory(Inside(()), |memory| f(&mut memory.arrays.borrow_mut()))
}
