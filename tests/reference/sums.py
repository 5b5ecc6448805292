"""Prints what PyTorch gives in f32 for the sums of tests/it/numbers.rs, and how far that is from the exact value."""
import math

import torch
from torch.nn import functional as F


def tell(what, found, exact):
    print(f"{what}: {found:.7g}, expected {exact:.7g}, off by {abs(found - exact) / abs(exact):.1e} of it")


zeros = torch.zeros(60_000, 784)
tell("binary cross-entropy, 60000 x 784", F.binary_cross_entropy_with_logits(zeros, zeros).item(), math.log(2))
tell("mean squared error, 60000 x 784", F.mse_loss(torch.zeros(60_000, 784), torch.ones(60_000, 784)).item(), 1.0)
labels = torch.arange(60_000) % 10
tell("cross-entropy, 60000 x 10", F.cross_entropy(torch.zeros(60_000, 10), labels).item(), math.log(10))
logits = torch.tensor([[((r * 7 + k * 13) % 101) / 50 for k in range(50_000)] for r in range(3)], dtype=torch.float64)
exact = F.cross_entropy(logits, torch.tensor([1, 2, 3]), label_smoothing=0.1).item()
tell("cross-entropy, 50000 classes, smoothed", F.cross_entropy(logits.float(), torch.tensor([1, 2, 3]), label_smoothing=0.1).item(), exact)
layer = torch.nn.Linear(2, 3)
layer(torch.ones(60_000, 2)).backward(torch.full((60_000, 3), 0.1))
exact = 60_000 * torch.tensor(0.1).double().item()
tell("bias gradient of 60000 rows", layer.bias.grad[0].item(), exact)
tell("weight gradient of 60000 rows", layer.weight.grad[0, 0].item(), exact)
x = torch.tensor([[((r * 31 + k * 17) % 1009) / 100 for k in range(100_000)] for r in range(2)], dtype=torch.float64)
exact, found = F.layer_norm(x, (100_000,)), F.layer_norm(x.float(), (100_000,))
print(f"layer norm over 100000 features: off by at most {(exact - found).abs().max():.1e}")
z, t = torch.tensor([1e6, -1e6]), torch.tensor([0.999999, 1e-6])
exact = (1e6 * (1 - t.double()[0]) + 1e6 * t.double()[1]).item() / 2
tell("binary cross-entropy of ±1e6", F.binary_cross_entropy_with_logits(z, t).item(), exact)
