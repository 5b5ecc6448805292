//! A number for each optimizer, layer and loss, in which every bit of every weight counts.

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{
    Activation, BinaryCrossEntropyWithLogits, Chain, Dropout, Layer, LayerNorm, Linear, Loss,
    MeanSquaredError, SoftmaxCrossEntropy,
};
use longhand_mnist::Dataset;
use longhand_optim::{Adam, AdamW, Clipped, Optimizer, RmsProp, Sgd};
use longhand_tensor::Parameters;
use longhand_tensor::ndarray::Array2;
use longhand_train::Data;

type Hidden = Chain<Linear<f32>, Chain<LayerNorm<f32>, Chain<Activation, Dropout>>>;
type Net = Chain<Hidden, Linear<f32>>;
type Rule = Box<dyn Optimizer<f32, Net>>;

/// Wide enough, at a batch of 128, for products, passes over weights and passes over activations to be
/// split onto threads.
const WIDTH: usize = 520;

fn net(activation: Activation) -> Net {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(3);
    let after = Chain { first: activation, second: Dropout::new(0.25, 9) };
    let hidden = Linear::new(784, WIDTH, rng).then(LayerNorm::new(WIDTH).then(after));
    hidden.then(Linear::new(WIDTH, 10, rng))
}

fn optimizers(model: &Net) -> Vec<(&'static str, Rule)> {
    let sgd = Sgd { learning_rate: 0.1, ..Sgd::default() };
    let momentum = Sgd { momentum: 0.9, ..sgd };
    let (adam, adamw, rms) = (Adam::default(), AdamW::default(), RmsProp::default());
    let smooth = RmsProp { momentum: 0.9, ..rms };
    vec![
        ("sgd", Box::new(sgd.init(model))),
        ("weight decay", Box::new(Sgd { weight_decay: 0.1, ..sgd }.init(model))),
        ("momentum", Box::new(momentum.init(model))),
        ("nesterov", Box::new(Sgd { nesterov: true, ..momentum }.init(model))),
        ("adam", Box::new(adam.init(model))),
        ("adamw", Box::new(adamw.init(model))),
        ("rmsprop", Box::new(rms.init(model))),
        ("rmsprop, momentum", Box::new(smooth.init(model))),
        ("rmsprop, centred", Box::new(RmsProp { centered: true, ..rms }.init(model))),
        ("rmsprop, both", Box::new(RmsProp { centered: true, ..smooth }.init(model))),
        ("clipped", Box::new(Clipped::new(sgd.init(model), 1e-3, model))),
    ]
}

/// A line for each optimizer, each with another activation and another loss: a number in which every bit
/// of every weight counts.
pub fn trained() -> String {
    let digits = Dataset::embedded().train;
    let mut lines = String::new();
    let count = optimizers(&net(Activation::WORDS[0].1)).len();
    for i in 0..count {
        let (word, activation) = Activation::WORDS[i % Activation::WORDS.len()];
        let mut model = net(activation);
        let (name, mut optimizer) = optimizers(&model).swap_remove(i);
        let mut grad = model.zeros_like();
        for step in 0..2 {
            let positions: Vec<usize> = (0..128).map(|j| (step * 128 + j) * 7).collect();
            let batch = digits.batch(&positions);
            let (y, cache) = model.forward(batch.x);
            let target = Array2::from_shape_fn(y.dim(), |(r, c)| f32::from(batch.targets[r] == c));
            let (_, dy) = match i % 3 {
                0 => SoftmaxCrossEntropy.loss_and_grad(y, &batch.targets),
                1 => MeanSquaredError.loss_and_grad(y, &target),
                _ => BinaryCrossEntropyWithLogits.loss_and_grad(y, &target),
            };
            grad.set_zero();
            model.backward_params(cache, dy, &mut grad);
            optimizer.step(&mut model, &grad);
        }
        // FNV-1a, of 64 bits.
        let bits = model.params().concat().into_iter().map(|w| u64::from(w.to_bits()));
        let hash = bits.fold(0xcbf2_9ce4_8422_2325, |hash: u64, bits| {
            (hash ^ bits).wrapping_mul(0x0100_0000_01b3)
        });
        lines += &format!("{name}, {word}: {hash:016x}\n");
    }
    lines
}
