"""PyTorch, eager, as its tutorials train a multilayer perceptron; with its fused optimizers where there are any."""

import numpy as np
import torch
from torch import nn

import workloads as w

args = w.arguments()
torch.set_num_threads(args.threads)
torch.manual_seed(1)
order = np.random.default_rng(1)

ACTIVATIONS = {
    "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh,
    "gelu": nn.GELU, "gelu-tanh": lambda: nn.GELU(approximate="tanh"),
}
OPTIMIZERS = {
    "sgd": lambda params, lr: torch.optim.SGD(params, lr=lr),
    "momentum": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9, fused=True),
    "nesterov": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9, nesterov=True, fused=True),
    "adam": lambda params, lr: torch.optim.Adam(params, lr=lr, fused=True),
    "adamw": lambda params, lr: torch.optim.AdamW(params, lr=lr, fused=True),
    "rmsprop": lambda params, lr: torch.optim.RMSprop(params, lr=lr),
}


def net(workload):
    of_input, of_hidden = workload["dropout"]
    layers = [nn.Dropout(of_input)] if of_input else []
    *hidden, last = zip(workload["widths"], workload["widths"][1:])
    for inputs, outputs in hidden:
        layers.append(nn.Linear(inputs, outputs))
        layers += [nn.LayerNorm(outputs)] if workload["layer_norm"] else []
        layers.append(ACTIVATIONS[workload["activation"]]())
        layers += [nn.Dropout(of_hidden)] if of_hidden else []
    return nn.Sequential(*layers, nn.Linear(*last))


for name in args.workloads.split(","):
    workload = w.WORKLOADS[name]
    batch, model = workload["batch"], net(workload)

    if workload["learning_rate"] is None:
        x = torch.from_numpy(w.test(args.data))
        model.eval()
        with torch.inference_mode():
            answer = lambda i: model(x[i : i + batch]).argmax(1)
            every = lambda: [answer(i) for i in range(0, len(x), batch)]
            time = (lambda: w.seconds(every)) if name == "W5A" else (lambda: w.latency(answer))
            time()
            w.report("PyTorch", name, args.threads, [time() for _ in range(args.reps)])
        continue

    x, y = map(torch.from_numpy, w.train(args.data, name))
    optimizer = OPTIMIZERS[workload["optimizer"]](model.parameters(), workload["learning_rate"])
    loss = nn.CrossEntropyLoss()
    images = batch * w.W4_STEPS if name == "W4" else len(x)

    def epoch():
        positions = torch.from_numpy(order.permutation(len(x)))[:images]
        for chosen in positions.split(batch):
            optimizer.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            optimizer.step()

    epoch()
    divisor = w.W4_STEPS if name == "W4" else 1
    w.report("PyTorch", name, args.threads, [w.seconds(epoch) / divisor for _ in range(args.reps)])
