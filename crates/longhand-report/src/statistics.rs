//! Intervals and tests for accuracies and losses that were measured on a limited number of images.
//!
//! The values agree with scipy's and statsmodels' (`tests/reference/statistics.py`).

/// Wilson's 95 % interval for a probability, from `right` successes in `n` trials. It stays within
/// 0..1 and holds for few errors too. For `n` = 0 it is all of 0..1.
///
/// Source: E. B. Wilson, *Probable inference, the law of succession, and statistical inference*,
/// 1927.
///
/// ```
/// let (low, high) = longhand_report::statistics::wilson(9, 10);
/// assert!((low - 0.595850).abs() < 1e-6 && (high - 0.982124).abs() < 1e-6);
/// ```
pub fn wilson(right: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054; // of the normal distribution, 95 % lie within ± z
    let (n, p) = (n as f64, right as f64 / n as f64);
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let low = if right == 0 { 0.0 } else { centre - half };
    let high = if p == 1.0 { 1.0 } else { centre + half };
    (low, high)
}

/// McNemar's exact test: the p-value of the hypothesis that two models are equally good.
///
/// `first_only` images are classified correctly by the first model only, `second_only` by the
/// second only. Images that both or neither classify correctly do not count. Without any others,
/// the p-value is 1.
///
/// This is the two-sided binomial test of `first_only` heads in `first_only + second_only` tosses
/// of a fair coin.
///
/// Source: Q. McNemar, *Note on the sampling error of the difference between correlated
/// proportions*, 1947.
///
/// ```
/// use longhand_report::statistics::mcnemar;
/// assert_eq!(mcnemar(0, 0), 1.0);
/// assert_eq!(mcnemar(0, 5), 2.0 / 32.0);
/// ```
pub fn mcnemar(first_only: usize, second_only: usize) -> f64 {
    let (few, n) = (first_only.min(second_only), first_only + second_only);
    // ln of the probability of k heads in n tosses, from that of k - 1.
    let mut ln_p = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = ln_p.exp();
    for k in 1..=few {
        ln_p += ((n - k + 1) as f64 / k as f64).ln();
        tail += ln_p.exp();
    }
    (2.0 * tail).min(1.0)
}

/// The mean of values and its 95 % bootstrap interval, by the percentile method: the middle 95 % of
/// the means of 2000 samples drawn with replacement. `random` gives uniform 64-bit numbers.
///
/// Source: B. Efron, *Bootstrap methods: another look at the jackknife*, 1979.
///
/// # Panics
/// There are no values.
///
/// ```
/// use longhand_report::statistics::bootstrap_mean;
/// let mut state = 1u64;
/// let random = || {
///     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
///     state
/// };
/// let (mean, low, high) = bootstrap_mean(&[1.0, 2.0, 3.0], random);
/// assert!(low < mean && mean == 2.0 && mean < high);
/// ```
#[track_caller]
pub fn bootstrap_mean(values: &[f64], mut random: impl FnMut() -> u64) -> (f64, f64, f64) {
    const SAMPLES: usize = 2000;
    assert!(!values.is_empty(), "bootstrap_mean: expected at least one value");
    let n = values.len();
    let mut means: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let draw = |_| values[((u128::from(random()) * n as u128) >> 64) as usize];
            (0..n).map(draw).sum::<f64>() / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let at = q * (SAMPLES - 1) as f64;
        let (i, rest) = (at as usize, at.fract());
        means[i] + rest * (means[(i + 1).min(SAMPLES - 1)] - means[i])
    };
    (values.iter().sum::<f64>() / n as f64, quantile(0.025), quantile(0.975))
}
