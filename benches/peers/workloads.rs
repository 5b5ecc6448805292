//! What the Rust peers share: the workloads, the digits, and the line in which a result is printed.

use std::time::Instant;

use longhand_data::{Batch, Data};
use longhand_mnist::Dataset;
use longhand_run::workloads::{Images, Rule};

/// A workload with its data: images in rows of 784 numbers from 0 to 1.
pub struct Task {
    pub images: Vec<f32>,
    pub labels: Vec<u32>,
    pub widths: Vec<usize>,
    pub batch: usize,
    /// `None` where the net only answers.
    pub learning_rate: Option<f64>,
    pub clock: Clock,
}

pub struct Clock {
    peer: &'static str,
    workload: String,
    threads: usize,
    reps: u64,
}

/// The tasks that the flags ask for: `--data DIR --workloads W1,W2 --threads N --reps N`, all
/// needed. Those of other optimizers than plain SGD are left out.
pub fn tasks(peer: &'static str) -> impl Iterator<Item = Task> {
    let flags: Vec<String> = std::env::args().collect();
    let flag = |name: &str| {
        let at = flags.iter().position(|f| f == name).unwrap_or_else(|| panic!("{name} is missing"));
        flags[at + 1].clone()
    };
    let number = |name: &str| flag(name).parse::<usize>().unwrap_or_else(|_| panic!("{name}: expected a number"));
    let (threads, reps) = (number("--threads"), number("--reps") as u64);
    // SAFETY: no other thread is running yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
    let digits = Dataset::from_idx_folder(flag("--data")).expect("the MNIST files");
    let known = |name: &str| longhand_run::workloads::workload(name).unwrap_or_else(|| panic!("no workload {name}"));
    let listed: Vec<_> = flag("--workloads").split(',').map(known).collect();
    listed.into_iter().filter(|listed| listed.optimizer == Rule::Sgd).map(move |listed| {
        let split = match listed.images {
            Images::PerClass => digits.draw_per_class(500, 1).expect("500 of each digit").train,
            Images::TenBatches | Images::All => digits.train.clone(),
            Images::Test => digits.test.clone(),
        };
        let Batch { x, targets: labels } = Data::<f32>::batch(&split, &(0..split.len()).collect::<Vec<_>>());
        Task {
            images: x.iter().copied().collect(), // a batch's memory may begin before its first number
            labels: labels.into_iter().map(|label| label as u32).collect(),
            widths: listed.widths,
            batch: listed.batch,
            learning_rate: listed.learning_rate,
            clock: Clock { peer, workload: listed.name, threads, reps },
        }
    })
}

/// An order of `n` samples for each epoch.
pub fn shuffled(n: usize, epoch: u64) -> Vec<u32> {
    longhand_data::shuffled(n, 1, epoch).into_iter().map(|i| i as u32).collect()
}

impl Clock {
    /// How many of `n` images an epoch uses: W4's is ten steps.
    pub fn images(&self, n: usize, batch: usize) -> usize {
        if self.workload == "W4" { 10 * batch } else { n }
    }

    /// Times epochs, after one to warm up.
    pub fn epochs(&self, mut epoch: impl FnMut(u64)) {
        epoch(0);
        let divisor = if self.workload == "W4" { 10.0 } else { 1.0 };
        let samples = (1..=self.reps).map(|number| seconds(|| epoch(number)) / divisor).collect();
        self.report(samples);
    }

    /// Times answers: all images a batch at a time, or where the batch is 1 the median image of
    /// 2000.
    pub fn answers(&self, n: usize, batch: usize, answer: impl Fn(usize)) {
        let time = || match batch {
            1 => {
                let mut times: Vec<f64> = (0..2000).map(|i| seconds(|| answer(i))).collect();
                times.sort_by(f64::total_cmp);
                times[times.len() / 2]
            }
            _ => seconds(|| (0..n).step_by(batch).for_each(&answer)),
        };
        time();
        self.report((0..self.reps).map(|_| time()).collect());
    }

    fn report(&self, samples: Vec<f64>) {
        let Clock { peer, workload, threads, .. } = self;
        println!(r#"{{"peer":"{peer}","workload":"{workload}","threads":{threads},"samples":{samples:?}}}"#);
    }
}

fn seconds(f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64()
}
