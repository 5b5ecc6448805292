//! candle reads the models that longhand writes: the same names, the same weights, the same outputs.

use candle_core::{DType, Device, Module, Result, Tensor, safetensors};
use candle_nn::{LayerNorm, VarBuilder, layer_norm, linear, linear_no_bias};
use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Gelu, LayerNorm as Norm, Linear, Relu, Sigmoid, Tanh, init};
use longhand_save::{AnyLayer, Input, Model, Output};

fn candle_net<'a>(model: &Model<f32>, variables: &VarBuilder<'a>) -> Result<Vec<Box<dyn Module>>> {
    let layer = |(i, layer): (usize, &AnyLayer<f32>)| -> Result<Box<dyn Module>> {
        let of = variables.pp(i);
        Ok(match layer {
            AnyLayer::Linear(l) if l.bias().is_some() => Box::new(linear(l.in_features(), l.out_features(), of)?),
            AnyLayer::Linear(l) => Box::new(linear_no_bias(l.in_features(), l.out_features(), of)?),
            AnyLayer::LayerNorm(norm) => {
                let norm: LayerNorm = layer_norm(norm.weight().len(), norm.epsilon, of)?;
                Box::new(norm)
            }
            AnyLayer::Relu(_) => Box::new(candle_nn::Activation::Relu),
            AnyLayer::Sigmoid(_) => Box::new(candle_nn::Activation::Sigmoid),
            AnyLayer::Gelu(Gelu::Exact) => Box::new(candle_nn::Activation::Gelu),
            AnyLayer::Gelu(Gelu::Tanh) => Box::new(candle_nn::Activation::NewGelu),
            AnyLayer::Tanh(_) => Box::new(candle_nn::func(|x: &Tensor| x.tanh())),
            other => panic!("{other} is not asked for here"),
        })
    };
    model.layers.iter().enumerate().map(layer).collect()
}

#[test]
fn candle_reads_what_longhand_has_written() -> Result<()> {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    let layers = vec![
        Linear::new(5, 8, rng).into(),
        Norm::from_arrays(init::uniform(8, 1.0, rng), init::uniform(8, 1.0, rng)).into(),
        Relu.into(),
        Linear::new(8, 7, rng).without_bias().into(),
        Gelu::Exact.into(),
        Linear::new(7, 6, rng).into(),
        Gelu::Tanh.into(),
        Linear::new(6, 6, rng).into(),
        Tanh.into(),
        Linear::new(6, 3, rng).into(),
        Sigmoid.into(),
    ];
    let model = Model { layers, input: Input::Numbers, output: Output::Numbers };
    let path = std::env::temp_dir().join(format!("longhand-candle-{}.safetensors", std::process::id()));
    model.save(&path).expect("a file");
    let tensors = safetensors::load(&path, &Device::Cpu)?;
    std::fs::remove_file(&path).expect("the file");
    let variables = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let net = candle_net(&model, &variables)?;

    let x = init::normal::<f32, _>((17, 5), 2.0, rng);
    let expected = model.infer(&x);
    let mut y = Tensor::from_vec(x.iter().copied().collect(), (17, 5), &Device::Cpu)?;
    for layer in net {
        y = layer.forward(&y)?;
    }
    for (found, expected) in y.flatten_all()?.to_vec1::<f32>()?.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }
    Ok(())
}
