"""PyTorch, eager, as its tutorials train a multilayer perceptron."""

import numpy as np
import torch
from torch import nn

import workloads as w

args = w.arguments()
torch.set_num_threads(args.threads)
torch.manual_seed(1)
order = np.random.default_rng(1)

for name in args.workloads.split(","):
    widths, batch, learning_rate = w.WORKLOADS[name]
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])

    if learning_rate is None:
        x = torch.from_numpy(w.test(args.data))
        with torch.inference_mode():
            answer = lambda i: model(x[i : i + batch]).argmax(1)
            every = lambda: [answer(i) for i in range(0, len(x), batch)]
            time = (lambda: w.seconds(every)) if name == "W5A" else (lambda: w.latency(answer))
            time()
            w.report("PyTorch", name, args.threads, [time() for _ in range(args.reps)])
        continue

    x, y = map(torch.from_numpy, w.train(args.data, name))
    sgd = torch.optim.SGD(model.parameters(), lr=learning_rate)
    loss = nn.CrossEntropyLoss()
    images = batch * w.W4_STEPS if name == "W4" else len(x)

    def epoch():
        positions = torch.from_numpy(order.permutation(len(x)))[:images]
        for chosen in positions.split(batch):
            sgd.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            sgd.step()

    epoch()
    divisor = w.W4_STEPS if name == "W4" else 1
    w.report("PyTorch", name, args.threads, [w.seconds(epoch) / divisor for _ in range(args.reps)])
