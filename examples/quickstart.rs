//! The program of the README.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Loss, Parameters, Relu, SoftmaxCrossEntropy};
use longhand_mnist::{Dataset, shuffled};
use longhand_optim::{Optimizer, Sgd};
use longhand_train::{argmax, evaluate};

fn main() {
    let digits = Dataset::embedded();
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
    let mut model = Linear::<f32>::new(784, 30, rng).then(Relu).then(Linear::new(30, 10, rng));
    let (mut grad, mut sgd) = (model.zeros_like(), Sgd { learning_rate: 0.1 });
    for epoch in 1..=10 {
        for batch in shuffled(digits.train.len(), 42, epoch).chunks(16) {
            let (images, labels) = digits.train.batch(batch);
            let (logits, cache) = model.forward(images);
            let (_loss, dlogits) = SoftmaxCrossEntropy.loss_and_grad(logits, &labels);
            grad.set_zero();
            model.backward_params(cache, dlogits, &mut grad);
            sgd.step(&mut model, &grad);
        }
        let valid = evaluate(&model, &SoftmaxCrossEntropy, argmax, &digits.test);
        println!("epoch {epoch:>2}: loss {:.4}, accuracy {:.4}", valid.loss, valid.accuracy);
    }
}
