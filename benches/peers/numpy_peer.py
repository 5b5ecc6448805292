"""NumPy, with the gradients written by hand: matrix products by OpenBLAS. Plain SGD and ReLU only."""

import os
import sys

# OpenBLAS reads this when it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv else "1"

import numpy as np

import workloads as w

args = w.arguments()
order = np.random.default_rng(1)
plain = {"activation": "relu", "layer_norm": False, "dropout": [0, 0], "optimizer": "sgd"}

for name in args.workloads.split(","):
    net = w.WORKLOADS[name]
    if any(net[key] != value for key, value in plain.items()):
        continue
    widths, batch, learning_rate = net["widths"], net["batch"], net["learning_rate"]
    rng = np.random.default_rng(2)
    weights = [(rng.uniform(-1, 1, (n, m)) / np.sqrt(n)).astype(np.float32) for n, m in zip(widths, widths[1:])]
    biases = [np.zeros(m, np.float32) for m in widths[1:]]

    def forward(x):
        """What each layer is given, and the logits."""
        inputs = [x]
        for weight, bias in zip(weights[:-1], biases):
            inputs.append(np.maximum(inputs[-1] @ weight + bias, 0))
        return inputs, inputs[-1] @ weights[-1] + biases[-1]

    def step(x, y):
        inputs, logits = forward(x)
        p = np.exp(logits - logits.max(1, keepdims=True))
        dy = p / p.sum(1, keepdims=True)
        dy[np.arange(len(y)), y] -= 1
        dy *= learning_rate / len(y)
        for i in reversed(range(len(weights))):
            dw, db = inputs[i].T @ dy, dy.sum(0)
            if i:
                dy = (dy @ weights[i].T) * (inputs[i] > 0)
            weights[i] -= dw
            biases[i] -= db

    if learning_rate is None:
        x = w.test(args.data)
        answer = lambda i: forward(x[i : i + batch])[1].argmax(1)
        every = lambda: [answer(i) for i in range(0, len(x), batch)]
        time = (lambda: w.seconds(every)) if name == "W5A" else (lambda: w.latency(answer))
        time()
        w.report("NumPy", name, args.threads, [time() for _ in range(args.reps)])
        continue

    x, y = w.train(args.data, name)
    images = batch * w.W4_STEPS if name == "W4" else len(x)

    def epoch():
        positions = order.permutation(len(x))[:images]
        for start in range(0, images, batch):
            chosen = positions[start : start + batch]
            step(x[chosen], y[chosen])

    epoch()
    divisor = w.W4_STEPS if name == "W4" else 1
    w.report("NumPy", name, args.threads, [w.seconds(epoch) / divisor for _ in range(args.reps)])
