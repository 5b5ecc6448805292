use std::fmt;
use std::str::FromStr;

use crate::{Gelu, LeakyRelu, Relu, Sigmoid, Tanh, one_of};

one_of! {
    /// An activation that is chosen at run time, by a word for instance.
    ///
    /// | word | layer |
    /// |---|---|
    /// | `relu` | [`Relu`] |
    /// | `leaky-relu` | [`LeakyRelu`] with a slope of 0.01 |
    /// | `sigmoid` | [`Sigmoid`] |
    /// | `tanh` | [`Tanh`] |
    /// | `gelu`, `gelu-tanh` | [`Gelu::Exact`], [`Gelu::Tanh`] |
    ///
    /// ```
    /// use longhand_layers::{Activation, Layer, Relu, Tanh, ndarray::array};
    ///
    /// let activation: Activation = "relu".parse()?;
    /// assert_eq!(activation.infer(&array![[-1., 2.]]), array![[0., 2.]]);
    /// assert_eq!(activation, Relu.into());
    /// assert_eq!("TANH".parse::<Activation>().unwrap_err().to_string(),
    ///     "expected one of relu, leaky-relu, sigmoid, tanh, gelu, gelu-tanh, found `TANH`");
    /// # Ok::<(), longhand_layers::UnknownActivation>(())
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum Activation, ActivationCache {
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
    }
}

impl Activation {
    /// All activations with their words.
    pub const WORDS: [(&str, Activation); 6] = [
        ("relu", Activation::Relu(Relu)),
        ("leaky-relu", Activation::LeakyRelu(LeakyRelu { slope: 0.01 })),
        ("sigmoid", Activation::Sigmoid(Sigmoid)),
        ("tanh", Activation::Tanh(Tanh)),
        ("gelu", Activation::Gelu(Gelu::Exact)),
        ("gelu-tanh", Activation::Gelu(Gelu::Tanh)),
    ];
}

impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(word: &str) -> Result<Activation, UnknownActivation> {
        let found = Activation::WORDS.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, activation)| activation).ok_or_else(|| UnknownActivation(word.to_owned()))
    }
}

/// A word that names no [`Activation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownActivation(pub String);

impl fmt::Display for UnknownActivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Activation::WORDS.map(|(word, _)| word).join(", ");
        write!(f, "expected one of {words}, found `{}`", self.0)
    }
}

impl std::error::Error for UnknownActivation {}
