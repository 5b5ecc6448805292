//! A net in the format of ONNX runtimes.
//!
//! An ONNX file is a message in protocol buffers' encoding, of which three kinds of fields are needed
//! here: whole numbers, floating-point numbers, and bytes with their length (texts, and messages
//! inside). The numbers of the fields are those of `onnx.proto` in version 1.16 of ONNX.

use longhand_layers::Gelu;

use crate::{AnyLayer, Model};

/// The operators are those of ONNX's set 20, the first with `Gelu`.
const OPERATORS: u64 = 20;
/// The version of the file format that came with it.
const IR_VERSION: u64 = 9;
/// `FLOAT`, as the type of a tensor.
const FLOAT: u64 = 1;

/// A message of protocol buffers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Seven bits a byte, the lowest first; all but the last with the eighth bit set.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn float(mut self, field: u64, value: f32) -> Message {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Message {
        let value = value.as_ref();
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn message(self, field: u64, value: Message) -> Message {
        self.bytes(field, value.0)
    }
}

/// `NodeProto`: an operator, its inputs and its output.
fn node(operator: &str, inputs: &[&str], output: &str, attributes: Vec<Message>) -> Message {
    let inputs = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input));
    let named = inputs.bytes(2, output).bytes(3, output).bytes(4, operator);
    attributes.into_iter().fold(named, |node, attribute| node.message(5, attribute))
}

/// `AttributeProto`s of a number, a whole number, and a text.
fn float(name: &str, value: f64) -> Message {
    Message::default().bytes(1, name).float(2, value as f32).int(20, 1)
}
fn int(name: &str, value: i64) -> Message {
    Message::default().bytes(1, name).int(3, value as u64).int(20, 2)
}
fn text(name: &str, value: &str) -> Message {
    Message::default().bytes(1, name).bytes(4, value).int(20, 3)
}

/// `TensorProto`: numbers that belong to the net.
fn tensor<'a>(name: &str, shape: &[usize], values: impl Iterator<Item = &'a f32>) -> Message {
    let raw: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
    let dims = shape.iter().fold(Message::default(), |tensor, &size| tensor.int(1, size as u64));
    dims.int(2, FLOAT).bytes(8, name).bytes(9, raw)
}

/// `ValueInfoProto`: a batch of any number of rows.
fn batch(name: &str, width: Option<usize>) -> Message {
    let rows = Message::default().bytes(2, "batch");
    let columns = match width {
        Some(width) => Message::default().int(1, width as u64),
        None => Message::default().bytes(2, "features"),
    };
    let shape = Message::default().message(1, rows).message(1, columns);
    let tensor = Message::default().int(1, FLOAT).message(2, shape);
    Message::default().bytes(1, name).message(2, Message::default().message(1, tensor))
}

impl Model<f32> {
    /// The net as the bytes of an ONNX file: input `x`, `[batch, in]`, and output `y`, `[batch,
    /// out]`. With `probabilities`, a softmax follows the last layer. Dropout is left out, as it is
    /// when a net is used.
    ///
    /// [`write_whole`](crate::write_whole) puts the bytes in a file. What the inputs and outputs
    /// mean is in the file's properties, as in a safetensors file.
    ///
    /// ```
    /// use longhand_layers::{Linear, ndarray::array};
    /// use longhand_save::Model;
    ///
    /// let model = Model::of(&Linear::from_arrays(array![[1f32, 2.0]], None));
    /// let bytes = model.onnx(true);
    /// let operators = ["Gemm", "Softmax"];
    /// assert!(operators.iter().all(|name| bytes.windows(name.len()).any(|part| part == name.as_bytes())));
    /// ```
    pub fn onnx(&self, probabilities: bool) -> Vec<u8> {
        let mut graph = Message::default().bytes(2, "longhand");
        let mut last = "x".to_owned();
        let mut weights = vec![];
        let layers: Vec<_> = self
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| !matches!(layer, AnyLayer::Dropout(_)))
            .collect();
        let nodes = layers.len() + usize::from(probabilities);
        let mut left = nodes;
        let mut name = |at: &str| {
            left -= 1;
            if left == 0 { "y".to_owned() } else { format!("{at}.output") }
        };
        for (at, layer) in layers {
            let output = name(&at.to_string());
            let (weight, bias) = (format!("{at}.weight"), format!("{at}.bias"));
            let mut keep = |name: &str, shape: &[usize], values: &[f32]| {
                weights.push(tensor(name, shape, values.iter()));
            };
            let node = match layer {
                AnyLayer::Linear(linear) => {
                    let shape = [linear.in_features(), linear.out_features()];
                    keep(&weight, &shape, linear.weight().as_slice().expect("standard layout"));
                    let mut inputs = vec![&*last, &weight];
                    if let Some(values) = linear.bias() {
                        keep(&bias, &shape[1..], values.as_slice().expect("standard layout"));
                        inputs.push(&bias);
                    }
                    node("Gemm", &inputs, &output, vec![])
                }
                AnyLayer::LayerNorm(norm) => {
                    for (name, values) in [(&weight, norm.weight()), (&bias, norm.bias())] {
                        keep(name, &[values.len()], values.as_slice().expect("standard layout"));
                    }
                    let attributes = vec![int("axis", -1), float("epsilon", norm.epsilon)];
                    node("LayerNormalization", &[&last, &weight, &bias], &output, attributes)
                }
                AnyLayer::Relu(_) => node("Relu", &[&last], &output, vec![]),
                AnyLayer::LeakyRelu(relu) => {
                    node("LeakyRelu", &[&last], &output, vec![float("alpha", relu.slope)])
                }
                AnyLayer::Sigmoid(_) => node("Sigmoid", &[&last], &output, vec![]),
                AnyLayer::Tanh(_) => node("Tanh", &[&last], &output, vec![]),
                AnyLayer::Gelu(gelu) => {
                    let form = if *gelu == Gelu::Tanh { "tanh" } else { "none" };
                    node("Gelu", &[&last], &output, vec![text("approximate", form)])
                }
                AnyLayer::Dropout(_) => unreachable!("left out above"),
            };
            graph = graph.message(1, node);
            last = output;
        }
        if probabilities {
            graph = graph.message(1, node("Softmax", &[&last], "y", vec![int("axis", -1)]));
        } else if nodes == 0 {
            graph = graph.message(1, node("Identity", &["x"], "y", vec![]));
        }
        graph = weights.into_iter().fold(graph, |graph, weight| graph.message(5, weight));
        let (inputs, outputs) = self.widths().unzip();
        graph = graph.message(11, batch("x", inputs)).message(12, batch("y", outputs));
        let about = Message::default().bytes(1, crate::tensors::KEY).bytes(2, self.description());
        Message::default()
            .int(1, IR_VERSION)
            .bytes(2, "longhand")
            .bytes(3, env!("CARGO_PKG_VERSION"))
            .message(7, graph)
            .message(8, Message::default().bytes(1, "").int(2, OPERATORS))
            .message(14, about)
            .0
    }
}
