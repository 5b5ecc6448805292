use longhand_layers::{
    Activation, Chain, Dropout, Gelu, LayerNorm, LeakyRelu, Linear, Relu, Sigmoid, Tanh, one_of,
};
use longhand_tensor::Float;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::tensors::{Stored, Tensors};

one_of! {
    /// A layer of a net that is known when the program runs: of one that has been loaded.
    #[derive(Clone, Debug, PartialEq)]
    pub enum AnyLayer<F>, AnyLayerCache {
        /// Fully connected
        Linear(Linear<F>),
        /// Layer normalisation
        LayerNorm(LayerNorm<F>),
        /// `max(x, 0)`
        Relu(Relu),
        /// `x` above 0, `a·x` below
        LeakyRelu(LeakyRelu),
        /// `1 / (1 + exp(−x))`
        Sigmoid(Sigmoid),
        /// Hyperbolic tangent
        Tanh(Tanh),
        /// `x·Φ(x)`
        Gelu(Gelu),
        /// Leaves out units in training
        Dropout(Dropout),
    }
}

/// A net that consists of this workspace's layers, so that it can be described in a file.
///
/// All layers have it, and so have `Chain`, `Vec`, `Option` and `Activation` of layers. A net of
/// one's own says what it consists of:
///
/// ```
/// use longhand_layers::{Linear, Relu, parameters};
/// use longhand_save::{AnyLayer, Layers};
///
/// #[derive(Clone)]
/// struct Net { body: Linear<f32>, head: Linear<f32> }
/// parameters!(Net: f32 { body, head });
///
/// impl Layers<f32> for Net {
///     fn append_layers(&self, layers: &mut Vec<AnyLayer<f32>>) {
///         self.body.append_layers(layers);
///         Relu.append_layers(layers);
///         self.head.append_layers(layers);
///     }
/// }
/// ```
pub trait Layers<F: Float> {
    /// Appends the layers in the order in which an input passes through them.
    fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>);
}

macro_rules! single_layers {
    ($($layer:ty),+) => {
        $(impl<F: Float> Layers<F> for $layer {
            fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>) {
                layers.push(self.clone().into());
            }
        })+
    };
}
single_layers!(Linear<F>, LayerNorm<F>, Relu, LeakyRelu, Sigmoid, Tanh, Gelu, Dropout);

impl<F: Float> Layers<F> for AnyLayer<F> {
    fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>) {
        layers.push(self.clone());
    }
}

impl<F: Float> Layers<F> for Activation {
    fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>) {
        layers.push(match *self {
            Activation::Relu(layer) => layer.into(),
            Activation::LeakyRelu(layer) => layer.into(),
            Activation::Sigmoid(layer) => layer.into(),
            Activation::Tanh(layer) => layer.into(),
            Activation::Gelu(layer) => layer.into(),
        });
    }
}

impl<F: Float, A: Layers<F>, B: Layers<F>> Layers<F> for Chain<A, B> {
    fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>) {
        self.first.append_layers(layers);
        self.second.append_layers(layers);
    }
}

impl<F: Float, L: Layers<F>> Layers<F> for Vec<L> {
    fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>) {
        self.iter().for_each(|layer| layer.append_layers(layers));
    }
}

impl<F: Float, L: Layers<F>> Layers<F> for Option<L> {
    fn append_layers(&self, layers: &mut Vec<AnyLayer<F>>) {
        self.iter().for_each(|layer| layer.append_layers(layers));
    }
}

/// A layer without its numbers, as the metadata of a file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Kind {
    Linear { in_features: usize, out_features: usize, bias: bool },
    LayerNorm { features: usize, epsilon: f64 },
    Relu,
    LeakyRelu { slope: f64 },
    Sigmoid,
    Tanh,
    Gelu,
    GeluTanh,
    Dropout { probability: f64, seed: u64 },
}

impl Kind {
    pub fn of<F: Float>(layer: &AnyLayer<F>) -> Kind {
        match layer {
            AnyLayer::Linear(linear) => Kind::Linear {
                in_features: linear.in_features(),
                out_features: linear.out_features(),
                bias: linear.bias().is_some(),
            },
            AnyLayer::LayerNorm(norm) => {
                Kind::LayerNorm { features: norm.weight().len(), epsilon: norm.epsilon }
            }
            AnyLayer::Relu(Relu) => Kind::Relu,
            AnyLayer::LeakyRelu(LeakyRelu { slope }) => Kind::LeakyRelu { slope: *slope },
            AnyLayer::Sigmoid(Sigmoid) => Kind::Sigmoid,
            AnyLayer::Tanh(Tanh) => Kind::Tanh,
            AnyLayer::Gelu(Gelu::Exact) => Kind::Gelu,
            AnyLayer::Gelu(Gelu::Tanh) => Kind::GeluTanh,
            AnyLayer::Dropout(dropout) => {
                Kind::Dropout { probability: dropout.probability(), seed: dropout.seed }
            }
        }
    }

    /// What the layer takes and gives, where that is fixed.
    pub fn widths(&self) -> Option<(usize, usize)> {
        match *self {
            Kind::Linear { in_features, out_features, .. } => Some((in_features, out_features)),
            Kind::LayerNorm { features, .. } => Some((features, features)),
            _ => None,
        }
    }

    /// Checks that a file has the layer's tensors; notes their names.
    pub fn check<F: Stored>(
        &self,
        file: &Tensors,
        at: usize,
        names: &mut Vec<String>,
    ) -> Result<(), ErrorKind> {
        let mut tensor = |name: &str, shape: &[usize]| {
            let name = format!("{at}.{name}");
            file.check::<F>(&name, shape)?;
            names.push(name);
            Ok(())
        };
        match *self {
            Kind::Linear { in_features, out_features, bias } => {
                tensor("weight", &[out_features, in_features])?;
                if bias {
                    tensor("bias", &[out_features])?;
                }
            }
            Kind::LayerNorm { features, .. } => {
                tensor("weight", &[features])?;
                tensor("bias", &[features])?;
            }
            _ => {}
        }
        self.check_options(at)
    }

    /// Checks the options of a layer that is read or written.
    pub fn check_options(&self, at: usize) -> Result<(), ErrorKind> {
        let sound = match *self {
            Kind::LayerNorm { epsilon, .. } => epsilon.is_finite() && epsilon >= 0.0,
            Kind::LeakyRelu { slope } => slope.is_finite(),
            Kind::Dropout { probability, .. } => (0.0..=1.0).contains(&probability),
            _ => true,
        };
        let wrong = || {
            ErrorKind::Content(format!("layer {at}: expected options that can be, found {self:?}"))
        };
        sound.then_some(()).ok_or_else(wrong)
    }

    /// The layer, of tensors that have been checked.
    pub fn layer<F: Stored>(&self, file: &Tensors, at: usize) -> AnyLayer<F> {
        let vector = |name: &str| Array1::from_iter(file.values(&format!("{at}.{name}")));
        match *self {
            Kind::Linear { in_features, out_features, bias } => {
                let stored = file.values(&format!("{at}.weight")).collect();
                let stored = Array2::from_shape_vec((out_features, in_features), stored);
                let weight = stored.expect("as many values as were checked").reversed_axes();
                let weight = weight.as_standard_layout().into_owned();
                Linear::from_arrays(weight, bias.then(|| vector("bias"))).into()
            }
            Kind::LayerNorm { epsilon, .. } => {
                let mut norm = LayerNorm::from_arrays(vector("weight"), vector("bias"));
                norm.epsilon = epsilon;
                norm.into()
            }
            Kind::Relu => Relu.into(),
            Kind::LeakyRelu { slope } => LeakyRelu { slope }.into(),
            Kind::Sigmoid => Sigmoid.into(),
            Kind::Tanh => Tanh.into(),
            Kind::Gelu => Gelu::Exact.into(),
            Kind::GeluTanh => Gelu::Tanh.into(),
            Kind::Dropout { probability, seed } => Dropout::new(probability, seed).into(),
        }
    }
}
