//! The threads of large products, as a program meets them: panics in several parts, and settings
//! from outside.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use longhand_tensor::ndarray::Array2;
use longhand_tensor::{ignored_environment, in_parts, matmul, reference, set_threads, threads};

/// The caller's part and a worker's part panic at the same time: one panic reaches the caller, and
/// none the next product.
#[test]
#[cfg_attr(miri, ignore = "large shapes")]
fn two_panics_at_once_do_not_reach_the_next_product() {
    set_threads(2);
    let mut numbers = vec![0.0f32; 1 << 17];
    let (x, w) = (Array2::from_elem((128, 64), 0.5f32), Array2::from_elem((64, 96), 2.0f32));
    let b = Array2::zeros((1, 96));
    for _ in 0..20 {
        let here = AtomicUsize::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            in_parts(&mut numbers, 1, |_, _| {
                // Both parts have begun before either panics; not for ever, as one thread may have
                // to do both.
                here.fetch_add(1, Ordering::Relaxed);
                let begun = Instant::now();
                while here.load(Ordering::Relaxed) < 2 && begun.elapsed() < Duration::from_secs(1) {
                    std::thread::yield_now();
                }
                panic!("a part is bad");
            });
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "a part is bad");
        assert_eq!(matmul(&x, &w), reference::affine(&x, &w, &b.row(0)));
    }
}

/// What a child of the test below prints.
#[test]
fn says_how_many_threads_it_uses() {
    if std::env::var_os("LONGHAND_THREADS_TEST").is_some() {
        let (x, w) = (Array2::<f32>::ones((300, 300)), Array2::ones((300, 300)));
        assert!(matmul(&x, &w).iter().all(|&y| y == 300.0));
        println!("threads: {}; {:?}.", threads(), ignored_environment());
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts programs")]
fn a_number_of_threads_that_makes_no_sense_is_reported_and_not_used() {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let most = available.max(8);
    let report = |found: &str, used: usize| {
        format!(
            "LONGHAND_THREADS: expected a whole number from 1 to {most}, found `{found}`; using {used}"
        )
    };
    for (value, threads, ignored) in [
        ("1", 1, None),
        (" 4 ", 4, None),
        ("", available, None),
        ("99999", most, Some(report("99999", most))),
        ("99999999999999999999999", most, Some(report("99999999999999999999999", most))),
        ("abc", available, Some(report("abc", available))),
        ("0", available, Some(report("0", available))),
        ("-1", available, Some(report("-1", available))),
        ("2.5", available, Some(report("2.5", available))),
    ] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "says_how_many_threads_it_uses", "--nocapture"]);
        child.env("LONGHAND_THREADS", value).env("LONGHAND_THREADS_TEST", "1");
        let output = child.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let expected = format!("threads: {threads}; {ignored:?}.");
        assert!(output.status.success(), "{value}: {printed}");
        assert!(printed.contains(&expected), "{value}: {printed} instead of {expected}");
    }
}
