use longhand_tensor::{Float, Parameters};

/// Scales a gradient down so that the norm over all its parameters together is at most `max_norm`, and returns the norm
/// it had: `g ← g · min(1, max_norm / (‖g‖ + 1e-6))`, as `torch.nn.utils.clip_grad_norm_`. To be called between `backward`
/// and the optimizer's step.
///
/// Source: R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, 2013, algorithm 1.
///
/// ```
/// use longhand_layers::{Linear, ndarray::array};
/// use longhand_optim::clip_global_norm;
///
/// let mut grad = Linear::from_arrays(array![[3.0]], Some(array![4.0f64]));
/// assert_eq!(clip_global_norm(&mut grad, 10.0), 5.0); // 3² + 4² = 5²
/// assert_eq!(grad.weight(), array![[3.0]]);
/// clip_global_norm(&mut grad, 2.5);
/// assert!((grad.weight()[[0, 0]] - 1.5).abs() < 1e-6);
/// ```
pub fn clip_global_norm<F: Float>(grad: &mut impl Parameters<F>, max_norm: f64) -> f64 {
    let square = |g: &F| g.to_f64() * g.to_f64();
    let norm = grad.params().into_iter().flatten().map(square).sum::<f64>().sqrt();
    let scale = max_norm / (norm + 1e-6);
    if scale < 1.0 {
        for g in grad.params_mut().into_iter().flatten() {
            *g *= F::from_f64(scale);
        }
    }
    norm
}
