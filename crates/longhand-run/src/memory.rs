use crate::Failure;

/// What weights and activations may take with their gradients; more is refused before anything is
/// allocated.
const MEMORY_CAP_GIB: f64 = 4.0;

/// Most rows the loop holds activations of at once: it evaluates 1000 at a time.
const EVALUATED_AT_ONCE: usize = 1000;

/// Refuses a net that would not fit in memory, before any of it is allocated. `states` is how many
/// numbers an optimizer keeps of each weight.
///
/// # Errors
/// The net is too large.
pub fn check_memory(widths: &[usize], batch_size: usize, states: usize) -> Result<(), Failure> {
    // In f64, which no width can overflow.
    let widths: Vec<f64> = widths.iter().map(|&w| w as f64).collect();
    let weights: f64 = widths.windows(2).map(|w| (w[0] + 1.0) * w[1]).sum();
    let rows = batch_size.max(EVALUATED_AT_ONCE) as f64;
    let activations = rows * widths.iter().sum::<f64>();
    let numbers = (2.0 + states as f64) * weights + 2.0 * activations;
    let gib = 4.0 * numbers / f64::from(1 << 30);
    if gib <= MEMORY_CAP_GIB {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--hidden and --batch-size: expected a net of at most {MEMORY_CAP_GIB} GiB for weights, activations, their \
         gradients and the optimizer's state, found one of {gib:.1} GiB; use fewer or narrower hidden layers or smaller batches"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_accepted_and_what_overflows_is_not() {
        assert!(check_memory(&[784, 30, 10], 16, 2).is_ok());
        assert!(check_memory(&[784, 100_000, 10], 16, 0).is_ok());
        assert!(check_memory(&[784, 2_000_000, 10], 16, 0).is_err());
        assert!(check_memory(&[784, 100_000, 100_000, 10], 16, 0).is_err());
        let largest = check_memory(&[784, usize::MAX, usize::MAX, 10], usize::MAX, 2).unwrap_err();
        assert!(largest.to_string().contains("at most 4 GiB"), "{largest}");
    }
}
