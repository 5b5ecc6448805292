use std::path::Path;

use longhand_layers::Layer;
use longhand_tensor::{NamedParam, Parameters};
use ndarray::{Array2, ArrayRef2};
use serde::{Deserialize, Serialize};

use crate::any_layer::Kind;
use crate::error::{Error, ErrorKind};
use crate::tensors::{Stored, Tensor, Tensors, bytes, write};
use crate::{AnyLayer, Layers, parameters, write_whole};

/// The version of the metadata, raised when a reader of today would misunderstand it.
const VERSION: u32 = 1;

/// The most layers of a net that is read: a few letters of a description make one.
const MOST_LAYERS: usize = 10_000;

/// A net whose layers are known when the program runs, with what its numbers mean.
///
/// ```
/// use longhand_layers::{Layer, mlp, ndarray::Array2, rand::{SeedableRng, rngs::Xoshiro256PlusPlus}};
/// use longhand_save::{Input, Model, Output};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// let net = mlp::<f32>(&[784, 30, 10], &mut Xoshiro256PlusPlus::seed_from_u64(42));
/// let mut model = Model::of(&net);
/// model.output = Output::classes(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
/// model.save(&path)?;
///
/// let loaded = Model::<f32>::load(&path)?; // the file is enough to rebuild it
/// assert_eq!(loaded.to_string(), "Linear(784 -> 30), Relu, Linear(30 -> 10)");
/// let x = Array2::ones((1, 784));
/// assert_eq!(loaded.infer(&x), net.infer(&x)); // to the last bit
/// # Ok::<(), longhand_save::Error>(())
/// ```
///
/// PyTorch reads the file as it is, as the names are those of a `torch.nn.Sequential` with the same
/// layers: `model.load_state_dict(safetensors.torch.load_file("model.safetensors"))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Model<F: longhand_tensor::Float> {
    /// The layers, from the input on.
    pub layers: Vec<AnyLayer<F>>,
    /// What the inputs are.
    pub input: Input,
    /// What the outputs are.
    pub output: Output,
}

/// What a net's inputs are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// Not said.
    #[default]
    Numbers,
    /// The pixels of a grey picture, row by row, from 0 for the ground to 1 for the ink: a byte
    /// divided by 255.
    Picture {
        /// Height in pixels.
        rows: usize,
        /// Width in pixels.
        columns: usize,
        /// Whether what is drawn was scaled to a box of 20 × 20 and its centre of mass put in the
        /// middle, as in MNIST.
        centred: bool,
    },
    /// Features, of each of which `mean` was subtracted and which were then divided by `deviation`.
    Features(Vec<Feature>),
}

/// A number that was brought to mean 0 and deviation 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// What it is called.
    pub name: String,
    /// Its mean over the training set.
    pub mean: f64,
    /// Its standard deviation there; 1 where it is the same throughout.
    pub deviation: f64,
}

/// What a net's outputs are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Output {
    /// Not said.
    #[default]
    Numbers,
    /// Logits of classes, with the classes' names. Their softmax is the probabilities.
    Classes(Vec<String>),
    /// A number that was standardised: multiply by `deviation` and add `mean`.
    Number(Feature),
}

impl Output {
    /// Logits of classes of these names.
    pub fn classes(names: impl IntoIterator<Item = impl Into<String>>) -> Output {
        Output::Classes(names.into_iter().map(Into::into).collect())
    }
}

/// All of a model but its numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    layers: Vec<Kind>,
    input: Input,
    output: Output,
}

impl<F: Stored> Model<F> {
    /// A copy of a net, whose inputs and outputs are not said yet.
    pub fn of(net: &impl Layers<F>) -> Model<F> {
        let mut layers = vec![];
        net.append_layers(&mut layers);
        Model { layers, input: Input::default(), output: Output::default() }
    }

    /// The outputs of a batch.
    ///
    /// # Shapes
    /// `x: [n, in]`, result `[n, out]`.
    ///
    /// # Panics
    /// `x` has another width.
    #[track_caller]
    pub fn infer(&self, x: &ArrayRef2<F>) -> Array2<F> {
        self.layers.infer(x)
    }

    /// Widths of the input and the output; none of a net without parameters.
    pub fn widths(&self) -> Option<(usize, usize)> {
        widths(&self.layers.iter().map(Kind::of).collect::<Vec<_>>())
    }

    /// Gives a net of the same layers these weights. Dropout has none, and may be there or not.
    ///
    /// # Errors
    /// The net has other parameters; it is left as it was.
    pub fn give_to<M: Parameters<F>>(&self, net: &mut M) -> Result<(), ErrorKind> {
        let (own, others) = (self.layers.named_params(), net.named_params());
        for at in 0..own.len().max(others.len()) {
            let shape = |params: &[NamedParam<'_, F>]| {
                params.get(at).map_or("none".to_owned(), |param| {
                    format!("{} {:?}", F::DTYPE, parameters::stored_shape(param))
                })
            };
            let (found, expected) = (shape(&own), shape(&others));
            if found != expected {
                let named = own.get(at).or(others.get(at)).map_or("", |param| &param.name);
                return Err(ErrorKind::tensor(
                    named,
                    format!("expected {expected}, found {found}"),
                ));
            }
        }
        let mut values = own.iter().map(|param| param.values);
        M::zip([net], [], &mut |[to], []| {
            to.copy_from_slice(values.next().expect("as many parameters as were compared"));
        });
        Ok(())
    }

    /// What stands in the metadata of the file.
    pub(crate) fn description(&self) -> String {
        let description = Description {
            version: VERSION,
            layers: self.layers.iter().map(Kind::of).collect(),
            input: self.input.clone(),
            output: self.output.clone(),
        };
        serde_json::to_string(&description).expect("names and numbers")
    }

    /// Writes the model as safetensors. Equal models give equal bytes. The file is there whole or
    /// not at all.
    ///
    /// # Errors
    /// It cannot be written, a number is NaN or infinite, or inputs and outputs are described that the
    /// layers do not have.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let bytes = self.to_bytes().map_err(|kind| kind.at(path))?;
        write_whole(path, &bytes).map_err(|error| Error::io(path, error))
    }

    /// What [`save`](Model::save) writes.
    ///
    /// # Errors
    /// As those of [`save`](Model::save), of the model alone.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ErrorKind> {
        let kinds: Vec<Kind> = self.layers.iter().map(Kind::of).collect();
        kinds.iter().enumerate().try_for_each(|(at, kind)| kind.check_options(at))?;
        check_meaning(widths(&kinds), &self.input, &self.output)?;
        let mut tensors: Vec<(String, Tensor)> = vec![];
        parameters::append(&mut tensors, "", &self.layers)?;
        bytes(tensors, Some(self.description()))
    }

    /// Reads a file that [`save`](Model::save) has written.
    ///
    /// # Errors
    /// It cannot be read, is no safetensors file, is damaged, does not say which layers it is of, or
    /// has a tensor that does not belong to them. The message names the tensor.
    pub fn load(path: impl AsRef<Path>) -> Result<Model<F>, Error> {
        let path = path.as_ref();
        let file = Tensors::open(path)?;
        Model::from_tensors(&file).map_err(|kind| kind.at(path))
    }

    fn from_tensors(file: &Tensors) -> Result<Model<F>, ErrorKind> {
        let content = |text: String| Err(ErrorKind::Content(text));
        let text = file.metadata.as_ref().ok_or(ErrorKind::Undescribed)?;
        let Description { layers, input, output, .. } = described(text)?;
        if layers.len() > MOST_LAYERS {
            let found = layers.len();
            return content(format!("expected at most {MOST_LAYERS} layers, found {found}"));
        }
        let mut names = vec![];
        let mut width: Option<usize> = None;
        for (at, kind) in layers.iter().enumerate() {
            kind.check::<F>(file, at, &mut names)?;
            if let Some((from, to)) = kind.widths() {
                if let Some(width) = width.filter(|width| *width != from) {
                    return content(format!(
                        "layer {at}: expected one of {width} inputs, as the layer before gives, found {kind:?}"
                    ));
                }
                width = Some(to);
            }
        }
        file.check_no_more("", &names.into_iter().collect())?;
        check_meaning(widths(&layers), &input, &output)?;
        let layers = layers.iter().enumerate().map(|(at, kind)| kind.layer(file, at)).collect();
        Ok(Model { layers, input, output })
    }
}

/// Widths of the input and the output; none of layers without parameters.
fn widths(layers: &[Kind]) -> Option<(usize, usize)> {
    let widths: Vec<_> = layers.iter().filter_map(Kind::widths).collect();
    Some((widths.first()?.0, widths.last()?.1))
}

/// Checks that the inputs and outputs are as many as their description says, and can be.
fn check_meaning(
    widths: Option<(usize, usize)>,
    input: &Input,
    output: &Output,
) -> Result<(), ErrorKind> {
    let (inputs, outputs) = widths.unzip();
    if let Input::Picture { rows, columns, centred: true } = input
        && (*rows, *columns) != (28, 28)
    {
        let reason =
            format!("expected centred pictures of 28 × 28 pixels, found {rows} × {columns}");
        return Err(ErrorKind::Content(reason));
    }
    let described = match input {
        Input::Numbers => None,
        Input::Picture { rows, columns, .. } => rows.checked_mul(*columns).or(Some(usize::MAX)),
        Input::Features(features) => Some(features.len()),
    };
    let named = match output {
        Output::Numbers => None,
        Output::Classes(names) => Some(names.len()),
        Output::Number(_) => Some(1),
    };
    for (what, described, found) in [("inputs", described, inputs), ("outputs", named, outputs)] {
        if let (Some(described), Some(found)) = (described, found)
            && described != found
        {
            return Err(ErrorKind::Content(format!(
                "expected a description of {found} {what}, found one of {described}"
            )));
        }
    }
    let features = match input {
        Input::Features(features) => &features[..],
        _ => &[],
    };
    let number = match output {
        Output::Number(number) => Some(number),
        _ => None,
    };
    match features.iter().chain(number).find(|f| !(f.mean.is_finite() && f.deviation > 0.0)) {
        Some(wrong) => Err(ErrorKind::Content(format!(
            "expected a finite mean and a positive deviation, found {wrong:?}"
        ))),
        None => Ok(()),
    }
}

fn described(text: &str) -> Result<Description, ErrorKind> {
    #[derive(Deserialize)]
    struct Version {
        version: Option<u32>,
        checkpoint: Option<u32>,
    }
    let damaged = |error: serde_json::Error| {
        ErrorKind::Content(format!(
            "expected a description of layers, found one that cannot be read ({error}); get the file again"
        ))
    };
    let found: Version = serde_json::from_str(text).map_err(damaged)?;
    match found {
        Version { checkpoint: Some(_), .. } => Err(ErrorKind::Content(
            "expected a model, found the checkpoint of a run; go on with it by `--resume` and the folder it is in".to_owned(),
        )),
        Version { version: Some(VERSION), .. } => serde_json::from_str(text).map_err(damaged),
        Version { version, .. } => {
            let found = version.map_or("none".to_owned(), |version| format!("{version}"));
            Err(ErrorKind::Content(format!(
                "expected version {VERSION} of the description of layers, found {found}; read it with the version of longhand that wrote it"
            )))
        }
    }
}

impl<F: Stored> std::fmt::Display for Model<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layers: Vec<String> = self.layers.iter().map(ToString::to_string).collect();
        f.write_str(&layers.join(", "))
    }
}

/// Writes the parameters of a model of any type as safetensors, without a description of its layers:
/// [`load_into`] reads them into a model of the same type. A net of this workspace's layers is
/// better saved by [`Model::save`].
///
/// # Errors
/// The file cannot be written, or a parameter is NaN or infinite.
pub fn save<F: Stored>(model: &impl Parameters<F>, path: impl AsRef<Path>) -> Result<(), Error> {
    let (path, mut tensors) = (path.as_ref(), vec![]);
    parameters::append(&mut tensors, "", model).map_err(|kind| kind.at(path))?;
    write(path, tensors, None)
}

/// Reads parameters into a model of any type, from a file that longhand or PyTorch has saved. The
/// file's names and shapes must be the model's, with each `weight` matrix as `[out, in]`.
///
/// # Errors
/// The file cannot be read, is no safetensors file or damaged; or a tensor is missing, of another
/// shape or type, not in the model, or has NaN or infinity. The message names the tensor, and the
/// model is left as it was.
///
/// ```
/// use longhand_layers::{Linear, parameters, ndarray::array};
/// use longhand_save::{load_into, save};
///
/// #[derive(Clone, PartialEq, Debug)]
/// struct Net { body: Linear<f32>, head: Linear<f32> }
/// parameters!(Net: f32 { body, head });
/// let net = |w: f32| Net { body: Linear::from_arrays(array![[w, 2.0]], None), head: Linear::from_arrays(array![[w], [4.0]], None) };
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("net.safetensors");
/// save(&net(1.0), &path)?;
/// let mut other = net(0.0);
/// load_into(&mut other, &path)?;
/// assert_eq!(other, net(1.0));
///
/// let wider = Linear::<f32>::from_arrays(array![[1.0, 2.0, 3.0]], None);
/// let refused = load_into(&mut vec![wider], &path).unwrap_err();
/// assert!(refused.to_string().ends_with("tensor 0.weight: expected F32 [3, 1], found no such tensor; there are body.weight, head.weight"));
/// # Ok::<(), longhand_save::Error>(())
/// ```
pub fn load_into<F: Stored, M: Parameters<F>>(
    model: &mut M,
    path: impl AsRef<Path>,
) -> Result<(), Error> {
    let path = path.as_ref();
    let file = Tensors::open(path)?;
    // A single layer is the first of a list in a file that `Model` has written.
    let first = model.named_params().first().map(|param| param.name.clone()).unwrap_or_default();
    let listed = file.shape(&first).is_none() && file.shape(&format!("0.{first}")).is_some();
    let prefix = if listed { "0." } else { "" };
    parameters::check(&file, prefix, model)
        .and_then(|names| file.check_no_more("", &names))
        .map_err(|kind| kind.at(path))?;
    parameters::fill(&file, prefix, model);
    Ok(())
}
