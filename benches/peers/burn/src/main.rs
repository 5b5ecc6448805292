//! The workloads in burn, on its `flex` backend: its linear layers, cross-entropy and SGD.

#[path = "../../workloads.rs"]
mod workloads;

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig, Relu};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use workloads::{Task, shuffled};

#[derive(Module, Debug)]
struct Net {
    layers: Vec<Linear>,
    relu: Relu,
}

impl Net {
    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        let (last, hidden) = self.layers.split_last().expect("a layer");
        for layer in hidden {
            x = self.relu.forward(layer.forward(x));
        }
        last.forward(x)
    }
}

fn main() {
    for Task { images, labels, widths, batch, learning_rate, clock } in workloads::tasks("burn") {
        let device = match learning_rate {
            Some(_) => Device::flex().autodiff(),
            None => Device::flex(),
        };
        let layers = widths.windows(2).map(|w| LinearConfig::new(w[0], w[1]).init(&device)).collect();
        let mut net = Net { layers, relu: Relu::new() };
        let n = labels.len();
        let x: Tensor<2> = Tensor::from_data(TensorData::new(images, [n, 784]), &device);
        let Some(learning_rate) = learning_rate else {
            clock.answers(n, batch, |i| {
                let y = net.forward(x.clone().slice([i..i + batch, 0..784]));
                std::hint::black_box(y.argmax(1).into_data());
            });
            continue;
        };
        let labels: Vec<i32> = labels.into_iter().map(|label| label as i32).collect();
        let y: Tensor<1, Int> = Tensor::from_data(TensorData::new(labels, [n]), &device);
        let loss = CrossEntropyLossConfig::new().init(&device);
        let mut sgd = SgdConfig::new().init();
        let used = clock.images(n, batch);
        clock.epochs(|number| {
            for chosen in shuffled(n, number)[..used].chunks(batch) {
                let chosen: Vec<i32> = chosen.iter().map(|&i| i as i32).collect();
                let many = chosen.len();
                let chosen: Tensor<1, Int> = Tensor::from_data(TensorData::new(chosen, [many]), &device);
                let (x, y) = (x.clone().select(0, chosen.clone()), y.clone().select(0, chosen));
                let loss = loss.forward(net.forward(x), y);
                let grads = GradientsParams::from_grads(loss.backward(), &net);
                net = sgd.step(learning_rate, net.clone(), grads);
            }
        });
    }
}
