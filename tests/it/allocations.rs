//! A training step allocates nothing of a weight's size, and once warm no batch.

use allocation_counter::measure;
use longhand_data::{Batch, Data};
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::*;
use longhand_optim::{Adam, Optimizer, Sgd};
use ndarray::Array2;

#[test]
fn a_step_allocates_less_than_a_weight() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let mut model = Linear::<f32>::new(784, 800, rng)
        .then(LayerNorm::new(800))
        .then(Relu)
        .then(Linear::new(800, 800, rng)) // this one computes its dx
        .then(Linear::new(800, 10, rng));
    let weight = 4 * 784 * 800;
    let mut grad = model.zeros_like();
    let mut optimizers: [Box<dyn Optimizer<f32, _>>; 3] = [
        Box::new(Sgd::default().init(&model)),
        Box::new(Sgd { momentum: 0.9, ..Sgd::default() }.init(&model)),
        Box::new(Adam::default().init(&model)),
    ];
    // Of a batch of mostly zeros less is listed.
    let dense: Array2<f32> = init::uniform((32, 784), 1.0, rng);
    let sparse = dense.mapv(|x| if x > 0.7 { x } else { 0.0 });
    for optimizer in &mut optimizers {
        for (i, x) in [&dense, &dense, &sparse].into_iter().enumerate() {
            let x = x.clone();
            let allocated = measure(|| {
                let (logits, cache) = model.forward(x);
                let (_, dlogits) = SoftmaxCrossEntropy.loss_and_grad(logits, &[3; 32]);
                grad.set_zero();
                model.backward_params(cache, dlogits, &mut grad);
                optimizer.step(&mut model, &grad);
            });
            if i == 0 {
                assert!(
                    allocated.bytes_total > 4 * 32 * 800,
                    "activations or states are counted: {allocated:?}"
                );
                continue; // momentum and Adam want to see the gradient's numbers, which have memory from then on
            }
            // At no time is as much as a weight in use that was not before: so no allocation is of
            // that size.
            assert!(allocated.bytes_max < weight, "{allocated:?}, the weight is of {weight} bytes");
        }
    }
}

/// The same memory serves each step's batch.
#[test]
fn a_warm_step_of_the_homework_allocates_no_batch() {
    let digits = longhand_mnist::Dataset::embedded().train;
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let hidden = Linear::<f32>::new(784, 30, rng).then(Relu);
    let mut model = hidden.then(Linear::new(30, 10, rng));
    let mut grad = model.zeros_like();
    let mut sgd = Sgd::default().init(&model);
    let positions: Vec<usize> = (0..16).collect();
    let mut step = || {
        let Batch { x, targets: labels } = digits.batch(&positions);
        let (logits, cache) = model.forward(x);
        let (_, dlogits) = SoftmaxCrossEntropy.loss_and_grad(logits, &labels);
        grad.set_zero();
        model.backward_params(cache, dlogits, &mut grad);
        sgd.step(&mut model, &grad);
    };
    let batch = 4 * 16 * 784;
    // The gradient keeps one batch until it is set to zero, when there is the next.
    for _ in 0..2 {
        let cold = measure(&mut step);
        assert!(cold.bytes_total > batch, "{cold:?}");
    }
    let warm = measure(step);
    // What is left: 30 numbers for each digit and the like.
    assert!(warm.bytes_total < batch / 2, "{warm:?}");
}
