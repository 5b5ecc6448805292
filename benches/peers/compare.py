#!/usr/bin/env python3
"""Times longhand beside PyTorch, JAX, NumPy, candle and burn on this machine. README.md here says what is measured.

    python3 benches/peers/compare.py --data MNIST_DIR
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

from flags import net_flags

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "peers"
PYTHON = WORK / "venv" / "bin" / "python"
PINNED = ["jax==0.10.2", "numpy==2.4.6", "torch==2.15.0"]
LISTED = json.loads((HERE.parent / "workloads.json").read_text())
UNITS = {name: (workload["unit"], workload["scale"]) for name, workload in LISTED.items()}
NATIVE = {**os.environ, "RUSTFLAGS": "-C target-cpu=native"}  # for the peers; longhand is built for the default target


def prepare(peers):
    """Installs and builds what is missing; returns the command of each peer."""
    cargo = ["cargo", "build", "--release", "--quiet"]
    subprocess.run([*cargo, "--example", "workloads"], cwd=ROOT, check=True)
    commands = {"longhand": [ROOT / "target/release/examples/workloads"]}
    if {"PyTorch", "JAX", "NumPy"} & set(peers):
        if not PYTHON.exists():
            venv.create(WORK / "venv", with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PINNED], check=True)
        commands["PyTorch"] = [PYTHON, HERE / "pytorch_peer.py"]
        commands["JAX"] = [PYTHON, HERE / "jax_peer.py"]
        commands["NumPy"] = [PYTHON, HERE / "numpy_peer.py"]
    for name in {"candle", "burn"} & set(peers):
        subprocess.run([*cargo, "--target-dir", WORK / name], cwd=HERE / name, env=NATIVE, check=True)
        commands[name] = [WORK / name / f"release/{name}-peer"]
    return {name: commands[name] for name in ["longhand", *peers]}


def measure(commands, args):
    """All samples, by workload, peer and number of threads; the peers take turns."""
    samples = {}
    for turn in range(args.rounds):
        for peer, command in commands.items():
            for threads in range(1, min(args.threads, os.cpu_count()) + 1):
                net = another_net(args) if args.dims else ["--workloads", args.workloads]
                flags = ["--data", args.data, *net, "--threads", str(threads), "--reps", str(args.reps)]
                cores = set(range(threads))
                run = subprocess.run([*command, *flags], stdout=subprocess.PIPE, text=True,
                                     preexec_fn=lambda: os.sched_setaffinity(0, cores))
                if run.returncode:
                    print(f"{peer} failed, and is left out of what follows", file=sys.stderr)
                for line in run.stdout.splitlines():
                    found = json.loads(line)
                    key = found["workload"], peer, threads
                    samples.setdefault(key, []).extend(found["samples"])
            print(f"round {turn + 1} of {args.rounds}: {peer}", file=sys.stderr)
    return samples


def another_net(args):
    flags = ["--dims", args.dims, "--batch", str(args.batch), "--activation", args.activation, "--optimizer", args.optimizer]
    return flags + (["--dropout", args.dropout] if args.dropout else []) + (["--layer-norm"] if args.layer_norm else [])


def best(samples):
    """The median of the better number of threads, by workload and peer."""
    medians = {}
    for (workload, peer, _), times in samples.items():
        of_workload = medians.setdefault(workload, {})
        of_workload[peer] = min(of_workload.get(peer, float("inf")), statistics.median(times))
    return medians


def table(medians, peers):
    print("| | " + " | ".join(peers) + " | fastest peer takes |")
    print("|---" * (len(peers) + 2) + "|")
    for workload, times in medians.items():
        unit, scale = UNITS.get(workload, ("ms an epoch", 1e3))
        cells = [f"{times[p] * scale:.3g}" if p in times else "-" for p in peers]
        others = [time for peer, time in times.items() if peer != "longhand"]
        ratio = f"{min(others) / times['longhand']:.2f}x" if others else "-"
        print(f"| {workload}, {unit} | " + " | ".join(cells) + f" | {ratio} |")


def title(workload):
    """What a workload is: `W1: 784-10`."""
    listed = LISTED.get(workload)
    if not listed:
        return workload
    parts = ["-".join(map(str, listed["widths"])), listed.get("optimizer"), listed.get("activation")]
    parts += ["LayerNorm"] if listed.get("layer_norm") else []
    parts += ["dropout"] if listed.get("dropout") else []
    return f"{workload}: " + ", ".join(part for part in parts if part)


def plot(medians, peers, path):
    """Bars, as multiples of longhand's time."""
    row, width, left = 22, 760, 150
    height = sum(30 + row * len(times) for times in medians.values()) + 10
    longest = max(t / times["longhand"] for times in medians.values() for t in times.values())
    colours = dict(zip(peers, ["#0b62a4", "#c2410c", "#7a7a7a", "#2f7d4f", "#8a6d00", "#6b46a8"]))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13" role="img">',
             "<title>Times as multiples of longhand's; shorter is faster</title>",
             f'<rect width="{width}" height="{height}" fill="#fff"/>']
    y = 10
    for workload, times in medians.items():
        unit, scale = UNITS.get(workload, ("ms an epoch", 1e3))
        y += 16
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{title(workload)}; {unit}</text>')
        y += 8
        for peer, time in sorted(times.items(), key=lambda item: item[1]):
            length = max(1, (width - left - 150) * time / times["longhand"] / longest)
            parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{peer}</text>')
            parts.append(f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="{row - 7}" fill="{colours[peer]}"/>')
            parts.append(f'<text x="{left + length + 6:.1f}" y="{y + 14}">{time * scale:.3g} ({time / times["longhand"]:.2g}x)</text>')
            y += row
        y += 6
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, help="folder with the four MNIST files, plain or .gz")
    parser.add_argument("--peers", default="PyTorch,JAX,NumPy,candle,burn")
    parser.add_argument("--workloads", default=",".join(UNITS))
    net_flags(parser)
    parser.add_argument("--threads", type=int, default=2, help="measured with 1 to so many")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=WORK / "peers.svg")
    args = parser.parse_args()
    args.data = args.data.resolve()
    peers = [peer for peer in args.peers.split(",") if peer]
    WORK.mkdir(parents=True, exist_ok=True)
    medians = best(measure(prepare(peers), args))
    table(medians, ["longhand", *peers])
    plot(medians, ["longhand", *peers], args.plot)
    print(f"the plot is in {args.plot}", file=sys.stderr)


if __name__ == "__main__":
    main()
