"""What the Python peers share: the workloads, the digits, and the line in which a result is printed."""

import argparse
import gzip
import json
import statistics
import time
from pathlib import Path

import numpy as np

from flags import net_flags

LISTED = json.loads((Path(__file__).resolve().parent.parent / "workloads.json").read_text())
# No learning rate where the net only makes predictions.
USUAL = {"activation": "relu", "layer_norm": False, "dropout": [0, 0], "optimizer": "sgd"}
WORKLOADS = {name: {**USUAL, **workload} for name, workload in LISTED.items()}
W4_STEPS = 10


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="folder with the four MNIST files")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--reps", type=int, default=3)
    net_flags(parser)
    args = parser.parse_args()
    if args.dims:
        widths = [int(width) for width in args.dims.split(",")]
        dropout = [float(share) for share in (args.dropout or "0").split(",")]
        rate = {"sgd": 0.1, "momentum": 0.05, "nesterov": 0.05}.get(args.optimizer, 1e-3)
        args.workloads = "-".join(map(str, widths))
        WORKLOADS[args.workloads] = {
            "widths": widths, "activation": args.activation, "layer_norm": args.layer_norm, "dropout": [0, 0, *dropout][-2:],
            "batch": args.batch, "optimizer": args.optimizer, "learning_rate": rate,
        }
    return args


def idx(folder, name):
    plain = folder / name
    raw = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    header = 4 + 4 * raw[3]
    shape = np.frombuffer(raw[4:header], ">u4")
    return np.frombuffer(raw[header:], np.uint8).reshape(shape)


def train(folder, workload):
    """Images as rows of float32 in 0..1, and their labels."""
    images = idx(folder, "train-images-idx3-ubyte").reshape(-1, 784)
    labels = idx(folder, "train-labels-idx1-ubyte")
    if LISTED.get(workload, {}).get("images") == "per-class":  # 500 of each digit
        rng = np.random.default_rng(1)
        drawn = [rng.permutation(np.flatnonzero(labels == digit))[:500] for digit in range(10)]
        images, labels = images[np.concatenate(drawn)], labels[np.concatenate(drawn)]
    return images.astype(np.float32) / 255, labels.astype(np.int64)


def test(folder):
    return idx(folder, "t10k-images-idx3-ubyte").reshape(-1, 784).astype(np.float32) / 255


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def latency(call, images=2000):
    """Median seconds of one image."""
    return statistics.median(seconds(lambda: call(i)) for i in range(images))


def report(peer, workload, threads, samples):
    print(json.dumps({"peer": peer, "workload": workload, "threads": threads, "samples": samples}), flush=True)
