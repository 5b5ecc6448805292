//! The program of the README.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Relu, SoftmaxCrossEntropy};
use longhand_train::{Diverged, Training, argmax};

fn main() -> Result<(), Diverged> {
    let digits = longhand_mnist::Dataset::embedded();
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(42);
    let mut model = Linear::<f32>::new(784, 30, rng).then(Relu).then(Linear::new(30, 10, rng));
    let mut sgd = longhand_optim::Sgd { learning_rate: 0.1, ..Default::default() }.init(&model);
    let loss = SoftmaxCrossEntropy::default();
    let training = Training { loss, answer: argmax, epochs: 10, batch_size: 16, seed: 42 };
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ())?;
    println!("{:.1} % of 5000 new digits read rightly", 100.0 * history[10].valid.accuracy);
    Ok(())
}
