//! The workloads that longhand is measured by, beside other libraries: `benches/workloads.json`
//! lists them for all languages.

use std::collections::BTreeMap;

use longhand_layers::{Activation, Chain, Dropout, Layer, LayerNorm, Mlp, Relu, mlp_with};
use longhand_optim::{Adam, AdamW, Optimizer, RmsProp, Sgd};
use serde::{Deserialize, Deserializer};

use crate::generator;

/// A net, and what it does.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Workload {
    /// `W1`, or the net's widths.
    #[serde(skip)]
    pub name: String,
    /// From the pixels to the classes.
    pub widths: Vec<usize>,
    /// What stands behind each hidden layer.
    #[serde(default = "relu", deserialize_with = "activation")]
    pub activation: Activation,
    /// Whether each hidden layer is normalised before that.
    #[serde(default)]
    pub layer_norm: bool,
    /// The shares of the input and of the hidden units that are left out.
    #[serde(default)]
    pub dropout: [f64; 2],
    /// Images at a time.
    pub batch: usize,
    /// What moves the weights.
    #[serde(default)]
    pub optimizer: Rule,
    /// None where the net only makes predictions.
    pub learning_rate: Option<f64>,
    /// The images of an epoch.
    pub images: Images,
}

fn relu() -> Activation {
    Activation::Relu(Relu)
}

fn activation<'de, D: Deserializer<'de>>(from: D) -> Result<Activation, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

/// The images of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Images {
    /// 500 training images of each class.
    PerClass,
    /// As many training images as ten batches take.
    TenBatches,
    /// All training images.
    All,
    /// All test images.
    Test,
}

/// An optimizer, with all but its learning rate as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Plain gradient descent.
    #[default]
    Sgd,
    /// Momentum 0.9.
    Momentum,
    /// Nesterov momentum 0.9.
    Nesterov,
    /// Adam.
    Adam,
    /// Adam with decoupled weight decay 0.01.
    AdamW,
    /// RMSprop.
    RmsProp,
}

impl Rule {
    /// The optimizers, as they are asked for.
    pub const WORDS: [(&str, Rule); 6] = [
        ("sgd", Rule::Sgd),
        ("momentum", Rule::Momentum),
        ("nesterov", Rule::Nesterov),
        ("adam", Rule::Adam),
        ("adamw", Rule::AdamW),
        ("rmsprop", Rule::RmsProp),
    ];

    /// A learning rate with which the digits are learnt.
    pub fn usual_learning_rate(self) -> f64 {
        match self {
            Rule::Sgd => 0.1,
            Rule::Momentum | Rule::Nesterov => 0.05,
            Rule::Adam | Rule::AdamW | Rule::RmsProp => 1e-3,
        }
    }

    /// The optimizer for a model.
    pub fn init<M: Layer<f32> + 'static>(
        self,
        learning_rate: f64,
        model: &M,
    ) -> Box<dyn Optimizer<f32, M>> {
        let sgd = |momentum, nesterov| {
            Sgd { learning_rate, momentum, nesterov, ..Sgd::default() }.init(model)
        };
        match self {
            Rule::Sgd => Box::new(sgd(0.0, false)),
            Rule::Momentum => Box::new(sgd(0.9, false)),
            Rule::Nesterov => Box::new(sgd(0.9, true)),
            Rule::Adam => Box::new(Adam { learning_rate, ..Adam::default() }.init(model)),
            Rule::AdamW => Box::new(AdamW { learning_rate, ..AdamW::default() }.init(model)),
            Rule::RmsProp => Box::new(RmsProp { learning_rate, ..RmsProp::default() }.init(model)),
        }
    }
}

/// What a workload trains.
pub type Net = Chain<Option<Dropout>, Mlp<f32, Hidden>>;

/// What stands between two linear layers.
pub type Hidden = Chain<Option<LayerNorm<f32>>, Chain<Activation, Option<Dropout>>>;

impl Workload {
    /// The net, with fresh weights.
    pub fn net(&self) -> Net {
        let dropout = |share, seed| (share > 0.0).then(|| Dropout::new(share, seed));
        let [of_input, of_hidden] = self.dropout;
        let hidden = |i: usize| Chain {
            first: self.layer_norm.then(|| LayerNorm::new(self.widths[i + 1])),
            second: Chain { first: self.activation, second: dropout(of_hidden, i as u64 + 1) },
        };
        Chain {
            first: dropout(of_input, 0),
            second: mlp_with(&self.widths, hidden, &mut generator(1)),
        }
    }
}

/// All workloads, in their order.
pub fn workloads() -> Vec<Workload> {
    let listed = include_str!("../workloads.json");
    let listed: BTreeMap<String, Workload> =
        serde_json::from_str(listed).expect("a list of workloads");
    let named = listed.into_iter().map(|(name, workload)| Workload { name, ..workload });
    let (v, w): (Vec<_>, Vec<_>) = named.partition(|workload| workload.name.starts_with('V'));
    w.into_iter().chain(v).collect()
}

/// The workload of a name.
pub fn workload(name: &str) -> Option<Workload> {
    workloads().into_iter().find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole() {
        let names: Vec<String> = workloads().into_iter().map(|w| w.name).collect();
        assert_eq!(names, ["W1", "W2", "W3", "W4", "W5A", "W5B", "V1", "V2", "V3", "V4"]);
        assert_eq!(workload("W2").unwrap().widths, [784, 30, 10]);
        assert_eq!(workload("W9"), None);
    }

    #[test]
    fn a_net_is_what_its_workload_says() {
        let net = |name: &str| workload(name).unwrap().net();
        let v1 = net("V1");
        assert_eq!((v1.first, v1.second.first.len()), (None, 1));
        assert_eq!(v1.second.first[0].second.second, Chain { first: relu(), second: None });
        let v3 = net("V3");
        let hidden = &v3.second.first[0].second.second;
        let shares = [v3.first, hidden.second].map(|dropout| dropout.unwrap().probability());
        assert_eq!(shares, [0.2, 0.5]);
        let v4 = net("V4");
        let norms = v4.second.first.iter().map(|layer| layer.second.first.is_some());
        assert_eq!(norms.collect::<Vec<_>>(), [true, true]);
        assert_eq!(v4.second.first[1].second.second.first.to_string(), "Gelu");
        assert_eq!(v4.second.second.in_features(), 256);
    }
}
