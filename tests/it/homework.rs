//! The homework's own checks on the embedded digits.

use std::process::Command;

use longhand_layers::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use longhand_layers::{Layer, Linear, Parameters, SoftmaxCrossEntropy};
use longhand_mnist::Dataset;
use longhand_optim::Sgd;
use longhand_train::{Accuracy, Data, Epoch, Training};

use crate::run::{program, success};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn train<M: Layer<f32>>(mut model: M, learning_rate: f64, epochs: usize) -> (M, Vec<Epoch<f64>>) {
    let digits = Dataset::embedded();
    let training =
        Training { loss: SoftmaxCrossEntropy, metric: Accuracy, epochs, batch_size: 16, seed: 1 };
    let mut sgd = Sgd { learning_rate, ..Sgd::default() }.init(&model);
    let history = training.run(&mut model, &mut sgd, &digits.train, &digits.test, &mut ());
    (model, history.unwrap())
}

fn logistic(seed: u64) -> Linear<f32> {
    Linear::new(784, 10, &mut rng(seed))
}

fn mlp(seed: u64) -> impl Layer<f32> {
    longhand_layers::mlp(&[784, 30, 10], &mut rng(seed))
}

/// PyTorch's nets end at 0.9058 ± 0.0026 and 0.9316 ± 0.0035 on such subsets (five seeds each, the
/// same settings).
#[test]
fn both_models_reach_what_pytorch_reaches_and_two_layers_beat_one() {
    let (_, one) = train(logistic(1), 0.05, 30);
    let (_, two) = train(mlp(1), 0.1, 30);
    assert!(one[30].valid.metric > 0.895, "{:?}", one[30]);
    assert!(two[30].valid.metric > 0.920, "{:?}", two[30]);
    let best =
        |history: &[Epoch<f64>]| history.iter().map(|e| e.valid.loss).fold(f64::MAX, f64::min);
    assert!(best(&two) < best(&one) - 0.03, "{} {}", best(&two), best(&one));
    assert!(two[30].train.loss < 0.2 * one[30].train.loss);
}

/// The logits of a fresh net have a variance of about `‖x‖² · (1/√784)²/3`, 0.04 for a digit, so
/// its loss lies near ln 10.
#[test]
fn the_initial_loss_is_ln_10() {
    for seed in 0..5 {
        for history in [train(logistic(seed), 0.1, 0).1, train(mlp(seed), 0.1, 0).1] {
            let Epoch { train, valid, .. } = history[0];
            assert!((train.loss - 10f64.ln()).abs() < 0.1, "{train:?}");
            assert!((valid.loss - 10f64.ln()).abs() < 0.1, "{valid:?}");
            assert!((0.01..0.35).contains(&train.metric), "{train:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_weights_to_the_bit() {
    let bits =
        |model: &dyn Fn() -> Vec<f32>| model().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    let weights = |seed| move || train(mlp(seed), 0.1, 2).0.params().concat();
    assert_eq!(bits(&weights(3)), bits(&weights(3)));
    assert_ne!(bits(&weights(3)), bits(&weights(4)));
}

/// Losses and accuracies of every epoch, and the hash of the weights that the program prints at the
/// end.
#[test]
fn threads_kernels_and_zeros_do_not_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "--epochs 2 --hidden 130 --batch-size 64 --out run"; // large enough for threads
    let run = |variables: &[(&str, &str)]| {
        let mut command = Command::new(program("mlp"));
        command.args(flags.split(' ')).envs(variables.iter().copied()).current_dir(&folder);
        let printed = success(&command.output().unwrap());
        let weights = printed.lines().find(|l| l.starts_with("weights ")).unwrap().to_owned();
        let metrics = std::fs::read_to_string(folder.path().join("run/metrics.csv")).unwrap();
        let seconds_are_last = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
        (weights, metrics.lines().map(seconds_are_last).collect::<Vec<_>>())
    };
    let expected = run(&[("LONGHAND_THREADS", "1")]);
    assert_eq!(expected.1.len(), 4);
    for variables in [
        [("LONGHAND_THREADS", "2")].as_slice(),
        &[("LONGHAND_THREADS", "4")],
        &[("LONGHAND_ZEROS", "multiply")],
        &[("LONGHAND_KERNELS", "avx2")],
        &[("LONGHAND_KERNELS", "portable")],
    ] {
        assert_eq!(run(variables), expected, "{variables:?}");
    }
}

#[test]
fn biases_are_learned() {
    let before = logistic(1);
    let (after, _) = train(before.clone(), 0.05, 1);
    assert!(before.bias().unwrap().iter().zip(after.bias().unwrap()).all(|(b, a)| b != a));
}

/// Eight threads of a program's own, each asking one model at once: products large enough for the
/// pool, which one of them has.
#[test]
fn threads_share_a_model_for_inference() {
    let rng = &mut rng(1);
    let model = longhand_layers::mlp::<f32>(&[784, 800, 10], rng);
    let x = Dataset::embedded().test.batch(&(0..128).collect::<Vec<_>>()).x;
    let expected = model.infer(&x);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(model.infer(&x), expected)));
        }
    });
}

/// The loop that stands in `logistic.rs` and `Training::run` give the same: every loss and
/// accuracy, and every weight.
#[test]
fn the_loop_by_hand_is_the_loop_of_the_library() {
    use hmac_sha256::Hash;
    use longhand_optim::Adam;
    let digits = Dataset::embedded();
    for (optimizer, seed) in [("sgd", 42), ("adam", 7)] {
        let folder = tempfile::tempdir().unwrap();
        let flags =
            format!("--epochs 3 --seed {seed} --optimizer {optimizer} --batch-size 37 --out o");
        let printed = success(&crate::run::run("logistic", &flags, folder.path()));
        let metrics = std::fs::read_to_string(folder.path().join("o/metrics.csv")).unwrap();

        let mut model = logistic(seed);
        let training = Training {
            loss: SoftmaxCrossEntropy,
            metric: Accuracy,
            epochs: 3,
            batch_size: 37,
            seed,
        };
        let (train, test) = (&digits.train, &digits.test);
        let history = match optimizer {
            "sgd" => {
                let mut sgd = Sgd { learning_rate: 0.05, ..Sgd::default() }.init(&model);
                training.run(&mut model, &mut sgd, train, test, &mut ())
            }
            _ => {
                let mut adam = Adam { learning_rate: 1e-3, ..Adam::default() }.init(&model);
                training.run(&mut model, &mut adam, train, test, &mut ())
            }
        };
        for (row, Epoch { epoch, train, valid, .. }) in
            metrics.lines().skip(1).zip(history.unwrap())
        {
            let (tl, ta, vl, va) = (train.loss, train.metric, valid.loss, valid.metric);
            assert_eq!(row.rsplit_once(',').unwrap().0, format!("{epoch},{tl},{ta},{vl},{va}"));
        }
        let mut hash = Hash::new();
        model.params().into_iter().flatten().for_each(|w| hash.update(w.to_le_bytes()));
        let hash: String = hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        assert!(printed.contains(&format!("weights {hash} (SHA-256)")), "{hash}\n{printed}");
    }
}
