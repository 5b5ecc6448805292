"""Reference values from PyTorch 2.15.0 in float64 for tests/it/pytorch.rs, which makes the same inputs from the same formula.

    python -m pip install torch==2.15.0 numpy==2.4.6
    python tests/reference/pytorch.py          # writes layers.json, losses.json, optimizers.json and schedules.json beside itself

A tensor is written as `numbers`: its sum, its sum with alternating weights (below), and at most 12 of its entries, evenly spaced.
"""

import json
import math
import os

import torch
from torch import nn
import torch.nn.functional as F

assert torch.__version__.split("+")[0] == "2.15.0", torch.__version__
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))


def numbers_in(shape, seed):
    """Multiples of 2^-15 in -1..1, which f32 holds exactly."""
    n = math.prod(shape)
    k = [((i + 1) * 2654435761 + seed * 40503) % 2**32 >> 16 for i in range(n)]
    return torch.tensor([v / 2**15 - 1 for v in k]).reshape(shape)


def summary(t):
    flat = t.detach().reshape(-1)
    n = len(flat)
    weights = torch.tensor([(i * 7 % 11) - 5.0 for i in range(n)])
    step = max(1, n // 12)
    return {"sum": flat.sum().item(), "weighted": (flat * weights).sum().item(), "entries": flat[::step].tolist()}


def layer_cases():
    makers = {
        "relu": lambda w: nn.ReLU(), "leaky_relu": lambda w: nn.LeakyReLU(), "leaky_relu_0.3": lambda w: nn.LeakyReLU(0.3),
        "sigmoid": lambda w: nn.Sigmoid(), "tanh": lambda w: nn.Tanh(), "gelu": lambda w: nn.GELU(),
        "gelu_tanh": lambda w: nn.GELU(approximate="tanh"), "layer_norm": lambda w: nn.LayerNorm(w),
    }
    cases = []

    def run(name, module, batch, width_in, width_out, params):
        x = (4 * numbers_in((batch, width_in), 1)).requires_grad_()
        y = module(x)
        dy = numbers_in((batch, width_out), 2)
        y.backward(dy)
        grads = [summary(p.grad.T if p.grad.dim() == 2 else p.grad) for p in params]
        cases.append({"layer": name, "batch": batch, "in": width_in, "out": width_out,
                      "y": summary(y), "dx": summary(x.grad), "grads": grads})

    for batch in (1, 3, 16, 17):
        for width in (1, 5, 10, 784):
            for name, make in makers.items():
                module = make(width)
                params = list(module.parameters())
                for i, p in enumerate(params):
                    p.data = numbers_in(p.shape, 3 + i)
                run(name, module, batch, width, width, params)
        for width_in, width_out in ((1, 1), (1, 10), (5, 1), (5, 5), (10, 5), (784, 10), (10, 784), (784, 1)):
            for bias in (True, False):
                module = nn.Linear(width_in, width_out, bias=bias)
                module.weight.data = numbers_in((width_in, width_out), 3).T
                if bias:
                    module.bias.data = numbers_in((width_out,), 4)
                name = "linear" if bias else "linear_without_bias"
                run(name, module, batch, width_in, width_out, list(module.parameters()))
    # Zeros of both signs, infinities and NaN; JSON has no NaN, so they are written as strings.
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-300, -1e-300]
    x = torch.tensor([special]).requires_grad_()
    y = F.relu(x)
    y.backward(torch.full((1, len(special)), 3.0))
    return {"cases": cases, "relu_special": {"x": [repr(v) for v in special], "y": [repr(v) for v in y.tolist()[0]],
                                             "dx": [repr(v) for v in x.grad.tolist()[0]]}}


def loss_cases():
    cases = []

    def run(name, function, y, **more):
        y = y.clone().requires_grad_()
        loss = function(y)
        loss.backward()
        cases.append({"loss": name, "batch": y.shape[0], "width": y.shape[1], "value": loss.item(), "dy": summary(y.grad), **more})

    for batch in (1, 3, 16, 17):
        for width in (1, 5, 10, 784):
            y = 4 * numbers_in((batch, width), 1)
            run("mse", lambda y: F.mse_loss(y, numbers_in((batch, width), 2)), y)
            target = (numbers_in((batch, width), 2) + 1) / 2
            run("bce", lambda y: F.binary_cross_entropy_with_logits(y, target), y)
            labels = torch.tensor([i * 7 % width for i in range(batch)])
            weights = (numbers_in((width,), 5) + 1.5)
            for scale, kind in ((1.0, "plain"), (2560.0, "1e4"), (2.0**98, "1e30"), (0.0, "equal")):
                for smoothing in (0.0, 0.1):
                    for weighted in (False, True):
                        run("cross_entropy", lambda y: F.cross_entropy(y, labels, weight=weights if weighted else None, label_smoothing=smoothing),
                            scale * y, logits=kind, scale=scale, smoothing=smoothing, weighted=weighted)
    return {"cases": cases}


def optimizer_cases():
    kinds = {
        "sgd": lambda p: torch.optim.SGD(p), "momentum": lambda p: torch.optim.SGD(p, momentum=0.9),
        "damped": lambda p: torch.optim.SGD(p, momentum=0.9, dampening=0.5),
        "nesterov": lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True),
        "decay": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam(p), "adam_decay": lambda p: torch.optim.Adam(p, weight_decay=0.01),
        "adamw": lambda p: torch.optim.AdamW(p), "adamw_fast": lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.8, 0.99), weight_decay=0.1),
        "adam_slow": lambda p: torch.optim.Adam(p, betas=(0.99, 0.9999)),
        "rmsprop": lambda p: torch.optim.RMSprop(p), "rmsprop_centered": lambda p: torch.optim.RMSprop(p, centered=True),
        "rmsprop_momentum": lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True, weight_decay=0.01),
    }
    cases = []
    for name, make in kinds.items():
        # A linear layer 5 -> 3 whose gradients are numbers of their own in each step.
        weight, bias = numbers_in((5, 3), 1).requires_grad_(), numbers_in((3,), 2).requires_grad_()
        optimizer = make([weight, bias])
        for step in range(1, 51):
            weight.grad, bias.grad = numbers_in((5, 3), 100 + step), numbers_in((3,), 200 + step)
            optimizer.step()
            if step in (1, 10, 50):
                cases.append({"optimizer": name, "steps": step, "weight": weight.detach().reshape(-1).tolist(), "bias": bias.tolist()})
    clips = []
    for max_norm in (0.5, 100.0):
        weight, bias = nn.Parameter(torch.zeros(5, 3)), nn.Parameter(torch.zeros(3))
        weight.grad, bias.grad = numbers_in((5, 3), 1), numbers_in((3,), 2)
        norm = nn.utils.clip_grad_norm_([weight, bias], max_norm)
        clips.append({"max_norm": max_norm, "norm": norm.item(), "weight": weight.grad.reshape(-1).tolist(), "bias": bias.grad.tolist()})
    return {"cases": cases, "clip": clips}


def schedule_cases():
    s = torch.optim.lr_scheduler
    kinds = {
        "constant": lambda o: s.LambdaLR(o, lambda t: 1.0), "step": lambda o: s.StepLR(o, 7, 0.3),
        "exponential": lambda o: s.ExponentialLR(o, 0.9), "cosine": lambda o: s.CosineAnnealingLR(o, 30, eta_min=0.01),
        "warm_up": lambda o: s.LinearLR(o, start_factor=0.1, total_iters=12),
        "one_cycle": lambda o: s.OneCycleLR(o, max_lr=0.1, total_steps=30, cycle_momentum=False),
    }
    cases = []
    for name, make in kinds.items():
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        schedule = make(optimizer)
        rates = []
        for step in range(30):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step < 29:
                schedule.step()
        cases.append({"schedule": name, "rates": rates})
    return {"cases": cases}


def initializer_cases():
    """What the initialisers' bounds and standard deviations are for 784 -> 30."""
    torch.manual_seed(0)
    weight = lambda: torch.empty(30, 784)
    measured = {
        "linear": nn.Linear(784, 30).weight, "xavier_uniform": nn.init.xavier_uniform_(weight()),
        "xavier_normal": nn.init.xavier_normal_(weight()), "kaiming_uniform": nn.init.kaiming_uniform_(weight()),
        "kaiming_normal": nn.init.kaiming_normal_(weight()),
    }
    return {"cases": [{"init": k, "std": w.std().item(), "max": w.abs().max().item()} for k, w in measured.items()]}


if __name__ == "__main__":
    for name, make in [("layers", layer_cases), ("losses", loss_cases), ("optimizers", optimizer_cases),
                       ("schedules", schedule_cases), ("initializers", initializer_cases)]:
        content = {"torch": torch.__version__, **make()}
        rest = {k: v for k, v in content.items() if k != "cases"}
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in content["cases"])
        head = json.dumps(rest, separators=(",", ":"))[:-1]
        with open(os.path.join(HERE, name + ".json"), "w") as f:
            f.write(f'{head},"cases":[\n{lines}\n]}}\n')
