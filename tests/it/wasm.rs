//! Training in WebAssembly, in Node, gives the bits of a native program.

use std::process::Command;

use longhand_elsewhere::train;

use crate::elsewhere::{WASM, can_compile, compile, printed};

/// Trains both nets, and writes for each how long the last epochs took, whether kernels with a fused
/// multiply-add run, and the bytes of the weights.
const SCRIPT: &str = r#"
const { instance } = await WebAssembly.instantiate(require("fs").readFileSync(process.argv[1]), {});
const { memory, longhand_train, longhand_weights, longhand_fused } = instance.exports;
for (const plain of [true, false]) {
  const start = performance.now();
  const n = longhand_train(plain, 2);
  const epoch = (performance.now() - start) / 2;
  const bytes = Buffer.from(memory.buffer, longhand_weights(), 4 * n).toString("hex");
  console.log(epoch.toFixed(1), longhand_fused() === 1, bytes);
}
"#;

/// The version of Node, if it is there and Rust can compile for WebAssembly.
fn node() -> Option<u32> {
    let version = printed("node", &["--version"])?;
    let major = version.trim_start_matches('v').split('.').next()?.parse().ok()?;
    can_compile(WASM).then_some(major)
}

/// Compiles the program with these features of WebAssembly, and trains there.
fn trained(node: u32, features: &str) -> Vec<(bool, Vec<u8>)> {
    let flags = format!("-C target-feature={features}");
    let folder = compile(&["--lib"], WASM, &flags, &format!("wasm/{}", features.replace(',', "")));
    let module = folder.join("longhand_elsewhere.wasm");
    let mut command = Command::new("node");
    if node < 21 {
        command.arg("--experimental-wasm-relaxed-simd");
    }
    let script = format!("(async () => {{ {SCRIPT} }})()");
    let output = command.args(["--eval", &script]).arg(&module).output().expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let nets = text.lines().map(|line| {
        let [epoch, fused, bytes] = *line.split(' ').collect::<Vec<_>>() else { panic!("{line}") };
        println!("{features}: {epoch} ms an epoch");
        let bytes = bytes.as_bytes().chunks(2);
        let byte = |hex: &[u8]| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap();
        (fused == "true", bytes.map(byte).collect())
    });
    nets.collect()
}

#[test]
fn the_bits_are_those_of_a_native_program() {
    let Some(node) = node() else {
        println!("not run: needs Node, and `rustup target add {WASM}`");
        return;
    };
    let native = [true, false].map(|plain| {
        train(plain, 2).iter().flat_map(|weight| weight.to_le_bytes()).collect::<Vec<u8>>()
    });
    // With the fused multiply-add, where this processor has one; with one by way of f64; and without
    // vectors.
    #[cfg(target_arch = "x86_64")]
    let has_fma = is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let has_fma = true;
    for (features, fused) in
        [("+simd128,+relaxed-simd", has_fma), ("+simd128", false), ("-simd128", false)]
    {
        for ((found_fused, weights), native) in trained(node, features).iter().zip(&native) {
            assert_eq!(*found_fused, fused, "{features}");
            assert!(weights == native, "{features}: the weights are others");
        }
    }
}
