//! What tests run in WebAssembly and on other processors, beside the same in a native program: `tests/it/wasm.rs` and
//! `tests/it/bits.rs` compare the bits.

pub mod bits;

use std::sync::Mutex;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Activation, Chain, Dropout, LayerNorm, SoftmaxCrossEntropy, mlp_with};
use longhand_mnist::Dataset;
use longhand_optim::{AdamW, Optimizer, Sgd};
use longhand_tensor::ndarray::{Array1, Array2, array};
use longhand_tensor::{Parameters, affine};
use longhand_train::{Accuracy, Training};

/// The weights after some epochs of 784-30-10 on the embedded digits, or of a net with another activation,
/// LayerNorm, dropout and AdamW on fewer of them; and some sums.
pub fn train(plain: bool, epochs: usize) -> Vec<f32> {
    let digits = Dataset::embedded().train;
    let digits = if plain { digits } else { digits.select(&(0..640).collect::<Vec<_>>()) };
    let widths = if plain { vec![784, 30, 10] } else { vec![784, 40, 24, 10] };
    let word = if plain { "relu" } else { "gelu" };
    let activation: Activation = word.parse().expect("a known word");
    let hidden = |i: usize| Chain {
        first: (!plain).then(|| LayerNorm::new(widths[i + 1])),
        second: Chain { first: activation, second: (!plain).then(|| Dropout::new(0.5, i as u64)) },
    };
    let mut model = mlp_with::<f32, _>(&widths, hidden, &mut Xoshiro256PlusPlus::seed_from_u64(42));
    let mut optimizer: Box<dyn Optimizer<f32, _>> = if plain {
        Box::new(Sgd { learning_rate: 0.1, ..Sgd::default() }.init(&model))
    } else {
        Box::new(AdamW::default().init(&model))
    };
    let training = Training {
        loss: SoftmaxCrossEntropy,
        metric: Accuracy,
        epochs: 0,
        batch_size: 16,
        seed: 42,
    };
    let mut grad = model.zeros_like();
    for epoch in 1..=epochs {
        let trained =
            training.epoch(epoch, &mut model, &mut grad, &mut optimizer, &digits, &mut ());
        assert!(trained.is_ok(), "training diverged");
    }
    let mut numbers = model.params().concat();
    numbers.extend(halfway());
    numbers
}

/// Sums that are exactly halfway between two f32 but for a little, also among denormal numbers: to round
/// them twice would give others.
fn halfway() -> Array2<f32> {
    let x = array![[4097.0, 2f32.powi(-70)], [-4097.0, 3.0 * 2f32.powi(-75)]];
    let w = Array2::from_shape_fn((2, 12), |(i, j)| match (i, j % 3) {
        (0, 0) => 4097.0,
        (1, 1) => 5.0 * 2f32.powi(-75),
        (1, 2) => 2f32.powi(-76) * (1.0 + f32::EPSILON),
        _ => 0.0,
    });
    let b = Array1::from_shape_fn(12, |j| {
        if j % 3 == 0 { [1.0, -1.0][j % 2] * 2f32.powi(-30) } else { 0.0 }
    });
    affine(&x, &w, &b)
}

/// What a page in which this is loaded reads.
static WEIGHTS: Mutex<Vec<f32>> = Mutex::new(vec![]);

/// As [`train`]; returns how many weights there are.
#[allow(unsafe_code)] // the name has to be as it is; no other function has it
#[unsafe(no_mangle)]
pub extern "C" fn longhand_train(plain: bool, epochs: u32) -> u32 {
    let mut weights = WEIGHTS.lock().expect("one thread");
    *weights = train(plain, epochs as usize);
    weights.len() as u32
}

/// Where the weights are.
#[allow(unsafe_code)] // as above
#[unsafe(no_mangle)]
pub extern "C" fn longhand_weights() -> *const f32 {
    WEIGHTS.lock().expect("one thread").as_ptr()
}

/// Whether kernels with a fused multiply-add run.
#[allow(unsafe_code)] // as above
#[unsafe(no_mangle)]
pub extern "C" fn longhand_fused() -> bool {
    longhand_tensor::kernels() == "relaxed"
}
