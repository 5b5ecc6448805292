//! A small net as Rust source.

use std::fmt::{self, Write};

use longhand_layers::LeakyRelu;
use ndarray::Array1;

use crate::{AnyLayer, Feature, Input, Model, Output};

/// A net that cannot be written as Rust source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSmall(String);

impl fmt::Display for NotSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.0;
        write!(
            f,
            "expected a net of Linear, Relu, LeakyRelu and Dropout with up to {MOST} weights, found {found}; export it as ONNX"
        )
    }
}

impl std::error::Error for NotSmall {}

/// The most weights of a net as source: some 12 MB of text.
const MOST: usize = 1 << 20;

/// What stands behind the tables.
const FUNCTIONS: &str = r"
/// `y = x·W + b`: an output has one sum, to which products are added in ascending order, each rounded
/// once.
fn linear<const N: usize, const M: usize>(x: &[f32; N], w: &[[f32; M]; N], b: &[f32; M]) -> [f32; M] {
    let mut y = *b;
    for (x, w) in x.iter().zip(w) {
        for (y, w) in y.iter_mut().zip(w) {
            *y = fused_multiply_add(*x, *w, *y);
        }
    }
    y
}

/// `x·w + y`, rounded once. The product is exact in f64. The sum is rounded to odd there, so that
/// rounding it again to f32 is as if there had been one rounding (S. Boldo, G. Melquiond, 2008).
fn fused_multiply_add(x: f32, w: f32, y: f32) -> f32 {
    let (product, y) = (x as f64 * w as f64, y as f64);
    let sum = product + y;
    let back = sum - product;
    let error = (product - (sum - back)) + (y - back);
    let bits = sum.to_bits();
    if error == 0.0 || bits & 1 == 1 || !sum.is_finite() {
        return sum as f32;
    }
    let away = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if away { bits + 1 } else { bits - 1 }) as f32
}
";

impl Model<f32> {
    /// The net as Rust source, for targets without an allocator: tables of its numbers and a function
    /// `infer(&[f32; INPUTS]) -> [f32; OUTPUTS]`. It needs neither `std` nor any crate, and its
    /// outputs are those of [`infer`](Model::infer) to the last bit. Put it in a file of its own, as
    /// a module. The stack holds the outputs of two layers.
    ///
    /// # Errors
    /// The net has other layers than `Linear`, `Relu`, `LeakyRelu` and `Dropout`, no `Linear`, or more
    /// than a million weights.
    ///
    /// ```
    /// use longhand_layers::{Layer, Linear, Relu, ndarray::array};
    /// use longhand_save::Model;
    ///
    /// let net = Linear::from_arrays(array![[1f32], [2.0]], Some(array![0.5])).then(Relu);
    /// let source = Model::of(&net).rust_source()?;
    /// assert!(source.contains("pub fn infer(x: &[f32; 2]) -> [f32; 1]"));
    /// # Ok::<(), longhand_save::NotSmall>(())
    /// ```
    pub fn rust_source(&self) -> Result<String, NotSmall> {
        let (inputs, outputs) =
            self.widths().ok_or_else(|| NotSmall("one without weights".to_owned()))?;
        let weights: usize = longhand_tensor::Parameters::count(&self.layers);
        if weights > MOST {
            return Err(NotSmall(format!("one of {weights}")));
        }
        let (mut tables, mut body) = (String::new(), String::new());
        for (at, layer) in self.layers.iter().enumerate() {
            match layer {
                AnyLayer::Linear(linear) => {
                    let (n, m) = (linear.in_features(), linear.out_features());
                    let rows: Vec<String> =
                        linear.weight().rows().into_iter().map(|row| list(row.iter())).collect();
                    let zeros = Array1::zeros(m);
                    let bias = list(linear.bias().unwrap_or(&zeros).iter());
                    let _ = write!(
                        tables,
                        "\nstatic WEIGHT_{at}: [[f32; {m}]; {n}] = [\n    {},\n];\nstatic BIAS_{at}: [f32; {m}] = {bias};\n",
                        rows.join(",\n    ")
                    );
                    let _ = writeln!(
                        body,
                        "    let {}x = linear(&x, &WEIGHT_{at}, &BIAS_{at});",
                        mutable(&self.layers[at + 1..])
                    );
                }
                AnyLayer::Relu(_) => {
                    body +=
                        "    x.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x });\n";
                }
                AnyLayer::LeakyRelu(LeakyRelu { slope }) => {
                    let slope = *slope as f32;
                    let _ = writeln!(
                        body,
                        "    x.iter_mut().for_each(|x| *x = if *x <= 0.0 {{ {slope:?} * *x }} else {{ *x }});"
                    );
                }
                AnyLayer::Dropout(_) => {}
                other => return Err(NotSmall(other.to_string())),
            }
        }
        let classes = match &self.output {
            Output::Classes(names) => format!(
                "\n/// What each output stands for; the largest one is the answer.\npub static CLASSES: [&str; {}] = {names:?};\n",
                names.len()
            ),
            _ => String::new(),
        };
        let features = match &self.input {
            Input::Features(features) => {
                let column = |value: fn(&Feature) -> f64| {
                    features
                        .iter()
                        .map(|feature| format!("{:?}", value(feature)))
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                format!(
                    "\n/// The mean of each feature: the net takes `((feature - MEAN) / DEVIATION) as f32`.\npub static MEAN: [f64; {inputs}] = [{}];\n\
                     /// The standard deviation of each feature.\npub static DEVIATION: [f64; {inputs}] = [{}];\n",
                    column(|feature| feature.mean),
                    column(|feature| feature.deviation)
                )
            }
            _ => String::new(),
        };
        let first = mutable(&self.layers);
        Ok(format!(
            "// A net that longhand has trained: {self}.\n\
             // This file was written by a program.\n\n\
             /// Numbers that the net takes.\npub const INPUTS: usize = {inputs};\n\
             /// Numbers that it gives.\npub const OUTPUTS: usize = {outputs};\n{classes}{features}\
             \n/// The outputs of the net.\npub fn infer(x: &[f32; {inputs}]) -> [f32; {outputs}] {{\n    let {first}x = *x;\n{body}    x\n}}\n\
             {FUNCTIONS}{tables}"
        ))
    }
}

/// `mut `, where the next layer but dropout changes its input in place.
fn mutable(rest: &[AnyLayer<f32>]) -> &'static str {
    let next = rest.iter().find(|layer| !matches!(layer, AnyLayer::Dropout(_)));
    match next {
        Some(AnyLayer::Relu(_) | AnyLayer::LeakyRelu(_)) => "mut ",
        _ => "",
    }
}

/// Numbers as Rust writes them, with as many digits as they need to be the same again.
fn list<'a>(values: impl Iterator<Item = &'a f32>) -> String {
    let values: Vec<String> = values.map(|value| format!("{value:?}")).collect();
    format!("[{}]", values.join(", "))
}
