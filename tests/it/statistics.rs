//! Statistics against scipy and statsmodels (`tests/reference/statistics.py`).

use approx::assert_relative_eq;
use longhand_layers::rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_report::statistics::{bootstrap_mean, mcnemar, wilson};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    wilson: Vec<(usize, usize, f64, f64)>,
    mcnemar: Vec<(usize, usize, f64)>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/statistics.json")).unwrap()
}

#[test]
fn wilson_intervals_are_those_of_statsmodels() {
    let reference = reference().wilson;
    assert_eq!(reference.len(), 10);
    for (right, n, low, high) in reference {
        let found = wilson(right, n);
        assert_relative_eq!(found.0, low, epsilon = 1e-12);
        assert_relative_eq!(found.1, high, epsilon = 1e-12);
    }
    assert_eq!(wilson(0, 0), (0.0, 1.0));
}

#[test]
fn mcnemar_is_the_exact_test_of_statsmodels() {
    let reference = reference().mcnemar;
    assert_eq!(reference.len(), 10);
    for (first, second, p) in reference {
        assert_relative_eq!(mcnemar(first, second), p, epsilon = 1e-300, max_relative = 1e-9);
    }
}

/// For many values, the interval is that of the normal distribution: mean ± 1.96 standard errors.
#[test]
fn the_bootstrap_covers_what_theory_says() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let values: Vec<f64> = (0..2000).map(|_| rng.next_u64() as f64 / u64::MAX as f64).collect();
    let (mean, low, high) = bootstrap_mean(&values, || rng.next_u64());
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1999.0;
    let half = 1.96 * (variance / 2000.0).sqrt();
    assert_relative_eq!(low, mean - half, epsilon = 0.15 * half);
    assert_relative_eq!(high, mean + half, epsilon = 0.15 * half);
    assert_eq!(bootstrap_mean(&[3.0], || 7), (3.0, 3.0, 3.0));
}
