//! The workloads in candle: its linear layers, cross-entropy and SGD, as in its MNIST example.

#[path = "../../workloads.rs"]
mod workloads;

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{Linear, Module, Optimizer, SGD, VarBuilder, VarMap, linear, loss};
use workloads::{Task, shuffled};

fn forward(layers: &[Linear], x: &Tensor) -> Result<Tensor> {
    let (last, hidden) = layers.split_last().expect("a layer");
    let mut x = x.clone();
    for layer in hidden {
        x = layer.forward(&x)?.relu()?;
    }
    last.forward(&x)
}

fn main() -> Result<()> {
    let device = &Device::Cpu;
    for Task { images, labels, widths, batch, learning_rate, clock } in workloads::tasks("candle") {
        let variables = VarMap::new();
        let builder = VarBuilder::from_varmap(&variables, DType::F32, device);
        let layers: Vec<Linear> = widths
            .windows(2)
            .enumerate()
            .map(|(i, w)| linear(w[0], w[1], builder.pp(i)))
            .collect::<Result<_>>()?;
        let n = labels.len();
        let x = Tensor::from_vec(images, (n, 784), device)?;
        let y = Tensor::from_vec(labels, n, device)?;
        let Some(learning_rate) = learning_rate else {
            let answer = |i: usize| forward(&layers, &x.narrow(0, i, batch)?)?.argmax(D::Minus1);
            clock.answers(n, batch, |i| drop(answer(i).expect("an answer")));
            continue;
        };
        let mut sgd = SGD::new(variables.all_vars(), learning_rate)?;
        let mut epoch = |number: u64| -> Result<()> {
            for chosen in shuffled(n, number)[..clock.images(n, batch)].chunks(batch) {
                let chosen = Tensor::new(chosen, device)?;
                let (x, y) = (x.index_select(&chosen, 0)?, y.index_select(&chosen, 0)?);
                sgd.backward_step(&loss::cross_entropy(&forward(&layers, &x)?, &y)?)?;
            }
            Ok(())
        };
        clock.epochs(|number| epoch(number).expect("an epoch"));
    }
    Ok(())
}
