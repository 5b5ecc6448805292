//! Models and checkpoints in files: what comes back, what others read, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use longhand_data::Samples;
use longhand_layers::rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{
    Chain, Dropout, Gelu, Layer, LayerNorm, LeakyRelu, Linear, Mlp, Parameters, Relu, Sigmoid,
    SoftmaxCrossEntropy, Tanh, init, mlp, mlp_with,
};
use longhand_optim::{Adam, AdamW, Clipped, Resumable, RmsProp, Schedule, Scheduled, Sgd};
use longhand_save::{
    AnyLayer, Checkpoint, Feature, Input, Model, Output, Record, load_into, save, save_checkpoint,
};
use longhand_train::{Accuracy, EarlyStopping, Epoch, Flow, Observer, Progress, Step, Training};
use ndarray::{Array1, Array2, array};
use serde_json::{Value, json};

use crate::run::ROOT;

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(7)
}

/// A net of one layer of each kind, each behind a linear one so that its input is of any sign.
fn nets() -> Vec<(&'static str, Vec<AnyLayer<f32>>)> {
    let rng = &mut rng();
    let norm = |features: usize, rng: &mut Xoshiro256PlusPlus| {
        let weight = init::uniform::<f32, _>(features, 2.0, rng);
        let mut norm = LayerNorm::from_arrays(weight, init::uniform(features, 1.0, rng));
        norm.epsilon = 1e-3;
        norm
    };
    let mut nets: Vec<(&str, Vec<AnyLayer<f32>>)> = vec![
        ("linear", vec![Linear::new(5, 3, rng).into()]),
        ("no-bias", vec![Linear::new(5, 3, rng).without_bias().into()]),
        ("norm", vec![Linear::new(5, 4, rng).into(), norm(4, rng).into()]),
        ("norm-first", vec![norm(5, rng).into(), Linear::new(5, 2, rng).into()]),
        ("deep", Model::of(&mlp::<f32>(&[5, 40, 30, 10], rng)).layers),
    ];
    let activations: [(&str, AnyLayer<f32>); 7] = [
        ("relu", Relu.into()),
        ("leaky", LeakyRelu { slope: 0.2 }.into()),
        ("sigmoid", Sigmoid.into()),
        ("tanh", Tanh.into()),
        ("gelu", Gelu::Exact.into()),
        ("gelu-tanh", Gelu::Tanh.into()),
        ("dropout", Dropout::new(0.5, 3).into()),
    ];
    for (name, activation) in activations {
        nets.push((
            name,
            vec![Linear::new(5, 6, rng).into(), activation, Linear::new(6, 3, rng).into()],
        ));
    }
    nets
}

fn inputs() -> Array2<f32> {
    init::normal((17, 5), 2.0, &mut Xoshiro256PlusPlus::seed_from_u64(8))
}

/// The metadata of a file, as JSON.
fn metadata(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
    serde_json::from_str(header["__metadata__"]["longhand"].as_str().unwrap()).unwrap()
}

/// The Python that has PyTorch or onnxruntime, if it is named.
fn python() -> PathBuf {
    std::env::var_os("LONGHAND_PYTHON").unwrap_or("python3".into()).into()
}

#[test]
fn every_layer_comes_back_to_the_bit_and_others_read_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, layers) in nets() {
        let model = Model { layers, input: Input::Numbers, output: Output::Numbers };
        let path = folder.path().join(format!("{name}.safetensors"));
        model.save(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        let loaded = Model::<f32>::load(&path).unwrap();
        assert_eq!(loaded, model, "{name}");
        let y = model.infer(&inputs());
        assert_eq!(loaded.infer(&inputs()), y, "{name}");
        model.save(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}: twice the same bytes");

        let case = json!({
            "layers": metadata(&path)["layers"],
            "x": inputs().rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
            "y": y.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
        });
        let write = |suffix: &str, bytes: &[u8]| {
            fs::write(folder.path().join(format!("{name}{suffix}")), bytes).unwrap()
        };
        write(".json", case.to_string().as_bytes());
        write(".onnx", &model.onnx(false));
        write(".probabilities.onnx", &model.onnx(true));
    }
    let script = Path::new(ROOT).join("tests/reference/read_models.py");
    if Command::new(python())
        .args(["-c", "import numpy"])
        .output()
        .is_ok_and(|o| o.status.success())
    {
        let output = Command::new(python()).arg(script).arg(folder.path()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        println!("{}", printed.trim());
    } else {
        println!("models not read by others: Python has no numpy");
    }
}

#[test]
fn numbers_of_64_bits_and_meanings_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let net = Linear::<f64>::new(2, 1, &mut rng()).then(Tanh);
    let feature = |name: &str, mean| Feature { name: name.to_owned(), mean, deviation: 1.0 / 3.0 };
    let mut model = Model::of(&net);
    model.input = Input::Features(vec![feature("ä", 0.1 + 0.2), feature("\"b\n", 1e-300)]);
    model.output = Output::Number(feature("price", -7.0));
    model.save(&path).unwrap();
    assert_eq!(Model::<f64>::load(&path).unwrap(), model);
    let wrong = Model::<f32>::load(&path).unwrap_err().to_string();
    assert!(wrong.ends_with("tensor 0.weight: expected F32 [1, 2], found F64 [1, 2]"), "{wrong}");
}

/// Every other type of this workspace gives the same layers, with the names of its parameters.
#[test]
fn the_names_of_a_described_net_are_its_own() {
    let between = |i| Chain {
        first: longhand_layers::Activation::Gelu(Gelu::Tanh),
        second: Some(Dropout::new(0.5, i as u64)),
    };
    let net = mlp_with::<f32, _>(&[4, 3, 3, 2], between, &mut rng());
    let names = |named: Vec<longhand_layers::NamedParam<'_, f32>>| {
        named.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let model = Model::of(&net);
    assert_eq!(names(model.layers.named_params()), names(net.named_params()));
    assert_eq!(model.layers.len(), 7);
}

#[test]
fn a_net_with_numbers_that_are_not_finite_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let sound = Linear::<f32>::from_arrays(array![[1.0]], None);
    save(&sound, &path).unwrap();
    let before = fs::read(&path).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let error = save(&Linear::from_arrays(array![[bad]], None), &path).unwrap_err().to_string();
        assert!(
            error.contains("tensor weight: expected finite numbers")
                && error.contains("nothing is written"),
            "{error}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A safetensors file with this header, and data behind it.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// The header of a file, as JSON, and its data.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + n]).unwrap(), bytes[8 + n..].to_vec())
}

#[test]
fn damaged_and_foreign_files_are_refused_with_the_tensor_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let net = mlp::<f32>(&[3, 2, 1], &mut rng());
    Model::of(&net).save(&path).unwrap();
    let good = fs::read(&path).unwrap();
    let (header, data) = parts(&good);
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        edit(&mut header);
        file(&header.to_string(), &data)
    };
    let described = |edit: &dyn Fn(&mut Value)| {
        edited(&|header| {
            let text = header["__metadata__"]["longhand"].as_str().unwrap();
            let mut description: Value = serde_json::from_str(text).unwrap();
            edit(&mut description);
            header["__metadata__"]["longhand"] = description.to_string().into();
        })
    };
    let with_number = |number: f32| {
        let mut bytes = good.clone();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&number.to_le_bytes());
        bytes
    };
    let text = serde_json::to_string(&header).unwrap();
    let twice =
        text.replacen('{', r#"{"0.bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"#, 1);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "0 bytes"),
        (good[..7].to_vec(), "7 bytes"),
        (good[..40].to_vec(), "promise a header of"),
        (
            good[..good.len() - 1].to_vec(),
            "tensor 2.weight: expected its numbers up to byte 44, found 43 bytes",
        ),
        ([&good[..], &[0]].concat(), "1 more bytes than its tensors have"),
        (file(&" ".repeat(5 << 20), &[]), "are the most that is read"),
        ([&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "promise a header of 18446744073709551615"),
        (file("{\"a\"", &[]), "cannot be read"),
        (file("[]", &[]), "cannot be read"),
        (file(&"[".repeat(100_000), &[]), "cannot be read"),
        (file(&twice, &data), "tensor 0.bias appears twice"),
        // What would take many times the file's memory if it were read.
        (
            file(r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":[[0],[0]]}}"#, &[]),
            "tensor a: unknown field `x`",
        ),
        (
            file(r#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,0],"data_offsets":[0,0]}}"#, &[]),
            "tensor a: invalid length 9, expected the sizes of up to eight dimensions",
        ),
        (file(r#"{"__metadata__":{"a":"b","a":"c"}}"#, &[]), "a appears twice"),
        (file(r#"{"__metadata__":{"a":[[[]]]}}"#, &[]), "cannot be read"),
        (
            edited(&|h| {
                h["0.weight"]["shape"] = json!([3, 2]);
            }),
            "tensor 0.weight: expected F32 [2, 3], found F32 [3, 2]",
        ),
        (
            edited(&|h| {
                h["0.weight"]["dtype"] = "I32".into();
            }),
            "tensor 0.weight: expected F32 [2, 3], found I32 [2, 3]",
        ),
        (
            edited(&|h| {
                h["0.weight"]["shape"] = json!([1u64 << 63, 4]);
            }),
            "tensor 0.weight: expected as many bytes as F32 [9223372036854775808, 4] needs",
        ),
        (
            edited(&|h| {
                h["0.weight"]["data_offsets"] = json!([0, u64::MAX]);
            }),
            "tensor 0.weight: expected as many bytes",
        ),
        (
            edited(&|h| {
                let w = h["0.bias"]["data_offsets"].clone();
                h["2.bias"]["data_offsets"] = w;
            }),
            "tensor 2.bias: expected as many bytes as F32 [1] needs, found those from 0 to 8",
        ),
        (
            edited(&|h| {
                h["2.bias"]["data_offsets"] = json!([0, 4]);
            }),
            "tensor 0.bias: expected its numbers from byte 4, behind those of the tensor before, found them from 0",
        ),
        (
            edited(&|h| {
                let w = h.as_object_mut().unwrap().remove("0.weight").unwrap();
                h["other"] = w;
            }),
            "tensor 0.weight: expected F32 [2, 3], found no such tensor; there are 0.bias, 2.bias, 2.weight, other",
        ),
        (
            edited(&|h| {
                h["extra"] = json!({ "dtype": "F32", "shape": [0], "data_offsets": [0, 0] });
            }),
            "tensor extra: expected no such tensor",
        ),
        (with_number(f32::NAN), "expected finite numbers, found NaN or infinity at position"),
        (with_number(f32::NEG_INFINITY), "expected finite numbers"),
        (
            described(&|d| {
                d["version"] = 2.into();
            }),
            "expected version 1 of the description of layers, found 2",
        ),
        (
            described(&|d| {
                d["layers"][0]["linear"]["out_features"] = 3.into();
            }),
            "tensor 0.weight: expected F32 [3, 3], found F32 [2, 3]",
        ),
        (
            described(&|d| {
                d["layers"][1] = "softplus".into();
            }),
            "cannot be read",
        ),
        (
            described(&|d| {
                d["layers"][2]["linear"]["in_features"] = 5.into();
            }),
            "tensor 2.weight",
        ),
        (
            described(&|d| {
                d["layers"].as_array_mut().unwrap().remove(1);
            }),
            "tensor 1.weight",
        ),
        (
            described(&|d| {
                d["output"] = json!({ "classes": ["a", "b"] });
            }),
            "expected a description of 1 outputs, found one of 2",
        ),
        (
            described(&|d| {
                d["input"] = json!({ "picture": { "rows": u64::MAX, "columns": u64::MAX, "centred": false } });
            }),
            "expected a description of 3 inputs",
        ),
        (
            edited(&|h| {
                h["__metadata__"] = json!({});
            }),
            "found tensors without their layers",
        ),
    ];
    for (bytes, expected) in cases {
        fs::write(&path, &bytes).unwrap();
        let error = Model::<f32>::load(&path).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.starts_with(&*path.to_string_lossy()),
            "{expected}: {error}"
        );
        assert!(error.len() < 600, "{error}");
    }

    // What would not be read is not written either.
    let mut wrong = Model::of(&net);
    wrong.output = Output::classes(["a", "b"]);
    let error = wrong.save(&path).unwrap_err().to_string();
    assert!(error.contains("expected a description of 1 outputs, found one of 2"), "{error}");
    wrong = Model { layers: vec![LeakyRelu { slope: f64::NAN }.into()], ..Model::of(&net) };
    assert!(wrong.save(&path).is_err());

    // Loading into your own net fails in the same way, and changes nothing.
    let mut other = mlp::<f32>(&[3, 4, 1], &mut rng());
    let before = other.clone();
    fs::write(&path, &good).unwrap();
    let error = load_into(&mut other, &path).unwrap_err().to_string();
    assert!(error.ends_with("tensor 0.weight: expected F32 [4, 3], found F32 [2, 3]"), "{error}");
    fs::write(&path, with_number(f32::NAN)).unwrap();
    let mut same = mlp::<f32>(&[3, 2, 1], &mut Xoshiro256PlusPlus::seed_from_u64(1));
    let untouched = same.clone();
    assert!(load_into(&mut same, &path).is_err());
    assert!(same == untouched && other == before);
    fs::write(&path, &good).unwrap();
    load_into(&mut same, &path).unwrap();
    assert_eq!(same, net);

    // A single layer is the first of a list in a model's file; a longer list is no single layer.
    let mut alone = Linear::<f32>::new(3, 2, &mut rng());
    let error = load_into(&mut alone, &path).unwrap_err().to_string();
    assert!(error.contains("tensor 2.bias: expected no such tensor"), "{error}");
    Model::of(&alone).save(&path).unwrap();
    let mut again = Linear::<f32>::new(3, 2, &mut Xoshiro256PlusPlus::seed_from_u64(2));
    load_into(&mut again, &path).unwrap();
    assert_eq!(again, alone);
}

/// Any byte of a file may be wrong, or any part of it be missing: there is an answer, or an error.
#[test]
fn no_byte_of_a_file_brings_a_reader_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let net = mlp::<f32>(&[3, 2, 1], &mut rng());
    Model::of(&net).save(&path).unwrap();
    let good = fs::read(&path).unwrap();
    let rng = &mut rng();
    for _ in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.next_u64() % 3 {
            let at = rng.next_u64() as usize % bytes.len();
            bytes[at] = rng.next_u64() as u8;
        }
        if rng.next_u64().is_multiple_of(4) {
            bytes.truncate(rng.next_u64() as usize % bytes.len());
        }
        fs::write(&path, &bytes).unwrap();
        let _ = Model::<f32>::load(&path).map(|model| model.onnx(true));
        let _ = load_into(&mut net.clone(), &path);
        let _ = Checkpoint::open(&path).map(|_| ());
    }
}

/// Stops a run after some step, or after some epoch.
struct StopAt(Option<(usize, usize)>);

impl<M> Observer<M, f64> for StopAt {
    type Error = longhand_train::Diverged<f64>;

    fn step(&mut self, step: &Step, _: &M) -> Flow<Self::Error> {
        Ok(self.flow(step.epoch, step.step))
    }
    fn epoch(&mut self, epoch: &Epoch<f64>, _: &M) -> Flow<Self::Error> {
        Ok(self.flow(epoch.epoch, 0))
    }
}

impl StopAt {
    fn flow(&self, epoch: usize, step: usize) -> std::ops::ControlFlow<()> {
        match self.0 == Some((epoch, step)) {
            true => std::ops::ControlFlow::Break(()),
            false => std::ops::ControlFlow::Continue(()),
        }
    }
}

type Net = Mlp<f32, Chain<Relu, Dropout>>;
type Optimizer = Box<dyn Resumable<f32, Net>>;

fn optimizers(net: &Net) -> Vec<(&'static str, Optimizer)> {
    let sgd = |momentum, nesterov| Sgd {
        learning_rate: 0.1,
        momentum,
        nesterov,
        weight_decay: 0.01,
        ..Sgd::default()
    };
    let rmsprop = |momentum, centered| RmsProp { momentum, centered, ..RmsProp::default() };
    let scheduled = |schedule| {
        Box::new(Scheduled {
            optimizer: Sgd { learning_rate: 0.1, momentum: 0.5, ..Sgd::default() }.init(net),
            schedule,
            base: 0.1,
        })
    };
    vec![
        ("plain", Box::new(Sgd { learning_rate: 0.1, ..Sgd::default() }.init(net))),
        ("momentum", Box::new(sgd(0.9, false).init(net))),
        ("Nesterov", Box::new(sgd(0.9, true).init(net))),
        ("Adam", Box::new(Adam::default().init(net))),
        ("AdamW", Box::new(AdamW::default().init(net))),
        ("RMSprop", Box::new(rmsprop(0.0, false).init(net))),
        ("RMSprop, centred, with momentum", Box::new(rmsprop(0.5, true).init(net))),
        ("clipped", Box::new(Clipped::new(Adam::default().init(net), 0.1, net))),
        ("step", scheduled(Schedule::Step { every: 5, factor: 0.5 })),
        ("exponential", scheduled(Schedule::Exponential { factor: 0.9 })),
        ("cosine", scheduled(Schedule::Cosine { steps: 20, lowest: 0.0 })),
        ("warm-up", scheduled(Schedule::WarmUp { steps: 9, from: 0.1 })),
        ("one-cycle", scheduled(Schedule::OneCycle { steps: 20 })),
    ]
}

/// A run that is stopped anywhere, written down and taken up again is the run that was not.
#[test]
fn a_run_that_is_taken_up_again_has_the_bits_of_one_that_was_not_stopped() {
    let x: Array2<f32> = init::normal((37, 4), 1.0, &mut rng());
    let labels: Vec<usize> =
        x.rows().into_iter().map(|row| usize::from(row[0] * row[1] > 0.0)).collect();
    let samples = Samples::new(x, labels);
    let dropout = |i| Chain { first: Relu, second: Dropout::new(0.3, i as u64) };
    let fresh: Net = mlp_with(&[4, 8, 6, 2], dropout, &mut rng());
    let training =
        Training { loss: SoftmaxCrossEntropy, metric: Accuracy, epochs: 4, batch_size: 8, seed: 5 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for number in 0..optimizers(&fresh).len() {
        let (name, mut optimizer) = optimizers(&fresh).remove(number);
        let mut unbroken = fresh.clone();
        let history =
            training.run(&mut unbroken, &mut optimizer, &samples, &samples, &mut ()).unwrap();
        for stop in [(0, 0), (1, 0), (1, 1), (2, 3), (3, 5), (4, 4), (4, 0)] {
            let (mut model, mut optimizer) = (fresh.clone(), optimizers(&fresh).remove(number).1);
            let mut progress = Progress::default();
            training
                .resume(
                    &mut progress,
                    &mut model,
                    &mut optimizer,
                    &samples,
                    &samples,
                    &mut StopAt(Some(stop)),
                )
                .unwrap();
            let record = Record {
                settings: "s".to_owned(),
                data: "d".to_owned(),
                seed: u64::MAX,
                seconds: vec![0.1, 1.0 / 3.0],
            };
            save_checkpoint(&path, &record, &model, &mut optimizer, &progress, None).unwrap();
            let bytes = fs::read(&path).unwrap();
            save_checkpoint(&path, &record, &model, &mut optimizer, &progress, None).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes, "{name}: twice the same bytes");

            let (mut again, mut optimizer) = (
                mlp_with(&[4, 8, 6, 2], dropout, &mut Xoshiro256PlusPlus::seed_from_u64(99)),
                optimizers(&fresh).remove(number).1,
            );
            let checkpoint = Checkpoint::open(&path).unwrap();
            assert_eq!(checkpoint.record, record);
            let mut restored = checkpoint.restore(&mut again, &mut optimizer, None).unwrap();
            assert_eq!(restored, progress, "{name} {stop:?}");
            training
                .resume(&mut restored, &mut again, &mut optimizer, &samples, &samples, &mut ())
                .unwrap();
            assert_eq!(again, unbroken, "{name}, stopped at {stop:?}");
            assert_eq!(restored.history, history, "{name}, stopped at {stop:?}");
        }
    }
}

#[test]
fn the_best_model_of_an_early_stop_is_kept_and_other_runs_checkpoints_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let net = Linear::<f32>::new(2, 2, &mut rng());
    let progress = Progress::<f64> { history: vec![Epoch::default(); 2], ..Progress::default() };
    let mut stopping = EarlyStopping::new(3);
    let worse = Epoch {
        epoch: 1,
        valid: longhand_train::Score { loss: 9.0, metric: 0.0 },
        ..Epoch::default()
    };
    let _ = stopping.note(&worse, &net);
    let mut moved = net.clone();
    moved.add_scaled(1.0, &net);
    save_checkpoint(
        &path,
        &Record::default(),
        &moved,
        &mut Adam::default().init(&net),
        &progress,
        Some(&stopping),
    )
    .unwrap();
    let before = fs::read(&path).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();

    let (mut model, mut adam, mut restored) =
        (net.clone(), Adam::default().init(&net), EarlyStopping::new(3));
    let _: Progress<f64> = checkpoint.restore(&mut model, &mut adam, Some(&mut restored)).unwrap();
    assert_eq!((model, restored.best), (moved, stopping.best));

    let mut model = net.clone();
    let refusals: [(String, &str); 4] = [
        (
            refusal(&checkpoint, &mut model, &mut Sgd::default().init(&net)),
            "expected the checkpoint of Sgd",
        ),
        (
            refusal(
                &checkpoint,
                &mut model,
                &mut Adam { epsilon: 1e-3, ..Adam::default() }.init(&net),
            ),
            "epsilon: 0.001",
        ),
        (
            refusal(
                &checkpoint,
                &mut Linear::new(3, 2, &mut rng()),
                &mut Adam::default().init(&Linear::new(3, 2, &mut rng())),
            ),
            "tensor model.weight: expected F32 [2, 3], found F32 [2, 2]",
        ),
        (refusal(&checkpoint, &mut model, &mut Adam::default().init(&net)), "found one with it"),
    ];
    for (refused, expected) in refusals {
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!(model, net, "nothing is changed");
    for length in (0..before.len()).step_by(7) {
        fs::write(&path, &before[..length]).unwrap();
        assert!(Checkpoint::open(&path).is_err(), "{length} bytes");
    }
    let model_file = folder.path().join("m.safetensors");
    Model::of(&net).save(&model_file).unwrap();
    assert!(
        Checkpoint::open(&model_file)
            .unwrap_err()
            .to_string()
            .contains("expected the checkpoint of a run, found a model")
    );
    fs::write(&path, &before).unwrap();
    assert!(
        Model::<f32>::load(&path)
            .unwrap_err()
            .to_string()
            .contains("found the checkpoint of a run")
    );
}

fn refusal(
    checkpoint: &Checkpoint,
    model: &mut Linear<f32>,
    optimizer: &mut impl Resumable<f32, Linear<f32>>,
) -> String {
    checkpoint.restore::<f32, _, f64>(model, optimizer, None).unwrap_err().to_string()
}

/// The net as Rust source compiles without the standard library, and gives the bits of `infer`.
#[test]
fn a_net_as_rust_source_has_the_bits_of_the_net() {
    let folder = tempfile::tempdir().unwrap();
    let rng = &mut rng();
    let nets: Vec<(&str, Vec<AnyLayer<f32>>)> = vec![
        ("plain", Model::of(&mlp::<f32>(&[5, 7, 4], rng)).layers),
        (
            "leaky",
            vec![
                LeakyRelu { slope: 0.3 }.into(),
                Linear::new(5, 6, rng).without_bias().into(),
                Dropout::new(0.5, 1).into(),
                LeakyRelu::default().into(),
                Linear::new(6, 2, rng).into(),
                Relu.into(),
            ],
        ),
        (
            "large",
            vec![
                Linear::from_arrays(init::normal((5, 3), 1e20, rng), None).into(),
                Linear::from_arrays(
                    init::normal((3, 3), 1e-30, rng),
                    Some(Array1::from_elem(3, 1e-39)),
                )
                .into(),
            ],
        ),
    ];
    for (name, layers) in nets {
        let mut model = Model { layers, input: Input::Numbers, output: Output::Numbers };
        let outputs = model.widths().unwrap().1;
        model.output = Output::classes((0..outputs).map(|i| format!("class \"{i}\"")));
        let source = format!("#![no_std]\n{}", model.rust_source().unwrap());
        fs::write(folder.path().join("net.rs"), source).unwrap();
        let x: Array2<f32> = init::normal((200, 5), 3.0, rng);
        let rows: Vec<String> =
            x.rows().into_iter().map(|row| format!("{:?}", row.to_vec())).collect();
        let main = format!(
            "fn main() {{ for x in [{}] {{ for y in net::infer(&x) {{ println!(\"{{}}\", y.to_bits()); }} }} }}",
            rows.join(", ")
        );
        fs::write(folder.path().join("main.rs"), main).unwrap();
        let rustc = |arguments: &[&str]| {
            let output =
                Command::new("rustc").args(arguments).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        };
        rustc(&[
            "--edition",
            "2024",
            "-D",
            "warnings",
            "-A",
            "dead_code",
            "-O",
            "--crate-type",
            "lib",
            "net.rs",
        ]);
        rustc(&["--edition", "2024", "-O", "--extern", "net=libnet.rlib", "main.rs"]);
        let output = Command::new(folder.path().join("main")).output().unwrap();
        let found: Vec<u32> =
            String::from_utf8_lossy(&output.stdout).lines().map(|l| l.parse().unwrap()).collect();
        let expected: Vec<u32> = model.infer(&x).iter().map(|y| y.to_bits()).collect();
        assert_eq!(found, expected, "{name}");
    }
    let tanh = Model::of(&Linear::<f32>::new(2, 2, rng).then(Tanh));
    assert!(tanh.rust_source().unwrap_err().to_string().contains("found Tanh"));
}
