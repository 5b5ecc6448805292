//! Reading the full training set beside the tools of the shell: `cargo bench -p longhand-benches
//! --bench idx`.
//!
//! Needs the full MNIST set in the folder that LONGHAND_MNIST names (see .cargo/config.toml),
//! `gzip`, `cat` and `wc`. Prints medians of interleaved rounds and their ratios.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use longhand_idx::Reader;
use ndarray::Array3;

fn main() {
    let folder = std::env::var_os("LONGHAND_MNIST").unwrap_or_default();
    let gzip = Path::new(&folder).join("train-images-idx3-ubyte.gz");
    if !gzip.exists() {
        println!("skipped: {} is not there; set LONGHAND_MNIST", gzip.display());
        return;
    }
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let plain = scratch.path().join("train-images-idx3-ubyte");
    let images: Array3<u8> = longhand_idx::read(&gzip).expect("the training images");
    longhand_idx::write(&plain, &images).expect("a writable temporary folder");

    let whole = |path: &Path| {
        let images: Array3<u8> = longhand_idx::read(path).expect("the training images");
        assert_eq!(images.dim(), (60_000, 28, 28));
    };
    let items = |path: &Path| {
        let items = Reader::open(path).and_then(Reader::into_items::<u8>).expect("a header");
        assert_eq!(items.filter(Result::is_ok).count(), 60_000);
    };
    let shell = |command: &str, path: &Path| {
        let output =
            Command::new("sh").args(["-c", command, "sh"]).arg(path).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "47040016");
    };
    let [ours_gzip, theirs_gzip, ours_plain, theirs_plain, ours_items] = medians([
        &|| whole(&gzip),
        &|| shell("gzip -dc \"$1\" | wc -c", &gzip),
        &|| whole(&plain),
        &|| shell("cat \"$1\" | wc -c", &plain),
        &|| items(&plain),
    ]);
    let row = |what: &str, ours: f64, shell: &str, theirs: f64| {
        println!(
            "{what:<22} {:>7.1} ms   {shell:<20} {:>7.1} ms   {:>5.2}x",
            ours * 1e3,
            theirs * 1e3,
            ours / theirs
        );
    };
    row("read, gzip", ours_gzip, "gzip -dc | wc -c", theirs_gzip);
    row("read, plain", ours_plain, "cat | wc -c", theirs_plain);
    row("item by item, plain", ours_items, "cat | wc -c", theirs_plain);
}

/// Median seconds of each, over 11 rounds in which they take turns.
fn medians<const N: usize>(tasks: [&dyn Fn(); N]) -> [f64; N] {
    let mut samples = [(); N].map(|()| vec![]);
    for _ in 0..11 {
        for (task, samples) in tasks.iter().zip(&mut samples) {
            let start = Instant::now();
            task();
            samples.push(start.elapsed().as_secs_f64());
        }
    }
    samples.map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    })
}
