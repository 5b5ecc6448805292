//! Every optimizer and every layer gives the same bits for each number of threads, each kind of kernels and each
//! processor.

use std::process::Command;

use crate::elsewhere::{AARCH64, can_compile, compile, printed};

/// What a child of the test below prints.
#[test]
fn prints_the_bits_of_every_optimizer() {
    if std::env::var_os("LONGHAND_BITS_TEST").is_some() {
        println!("--\n{}--", longhand_elsewhere::bits::trained());
    }
}

#[test]
fn no_optimizer_and_no_layer_depends_on_threads_or_vectors() {
    let run = |name: &str, value: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "bits::prints_the_bits_of_every_optimizer", "--nocapture"]);
        let output = child.env("LONGHAND_BITS_TEST", "1").env(name, value).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{name}={value}: {printed}");
        printed.split("--\n").nth(1).unwrap_or_else(|| panic!("{printed}")).to_owned()
    };
    let expected = run("LONGHAND_THREADS", "1");
    assert_eq!(expected.lines().count(), 11, "{expected}");
    for (name, value) in [
        ("LONGHAND_THREADS", "2"),
        ("LONGHAND_THREADS", "4"),
        ("LONGHAND_ZEROS", "multiply"),
        ("LONGHAND_KERNELS", "avx2"),
        ("LONGHAND_KERNELS", "portable"),
    ] {
        assert_eq!(run(name, value), expected, "{name}={value}");
    }
}

/// NEON, in an emulator; on AArch64 itself the test above has run it.
#[test]
fn the_bits_of_another_processor_are_the_same() {
    let emulator = printed("qemu-aarch64", &["--version"]);
    if emulator.is_none() || !can_compile(AARCH64) || cfg!(target_arch = "aarch64") {
        println!("not run: needs qemu-aarch64, and `rustup target add {AARCH64}`");
        return;
    }
    let flags = "-C linker=rust-lld -C link-self-contained=yes";
    let program = compile(&["--example", "bits"], AARCH64, flags, "emulated").join("examples/bits");
    let expected = longhand_elsewhere::bits::trained();
    for threads in ["1", "2"] {
        let mut command = Command::new("qemu-aarch64");
        let output = command.arg(&program).env("LONGHAND_THREADS", threads).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{threads} threads");
    }
}
