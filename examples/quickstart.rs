//! The program of the README.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{SoftmaxCrossEntropy, mlp};
use longhand_train::{Accuracy, Training};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = longhand_mnist::Dataset::embedded();
    let mut model = mlp::<f32>(&[784, 30, 10], &mut Xoshiro256PlusPlus::seed_from_u64(42));
    let mut sgd = longhand_optim::Sgd { learning_rate: 0.1, ..Default::default() }.init(&model);
    let (loss, metric) = (SoftmaxCrossEntropy, Accuracy);
    let training = Training { loss, metric, epochs: 10, batch_size: 16, seed: 42 };
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ())?;
    let accuracy = 100.0 * history[10].valid.metric;
    writeln!(std::io::stdout(), "accuracy {accuracy:.1} % on 5,000 validation images")?;
    Ok(())
}
