"""Reads models that longhand has written with what others read them with, and compares outputs.

A folder holds NAME.safetensors, NAME.onnx, NAME.probabilities.onnx, and NAME.json with the layers, inputs and outputs.
Each of PyTorch and ONNX is asked where Python has it; the last line says which were.
"""
import json
import pathlib
import sys

import numpy

TOLERANCE_TORCH, TOLERANCE_ONNX = 1e-6, 1e-5


def have(*modules):
    try:
        return [__import__(module) for module in modules]
    except ImportError:
        return None


def expect_close(name, found, expected, tolerance):
    scale = max(1.0, float(numpy.abs(expected).max()))
    error = float(numpy.abs(numpy.asarray(found, dtype="float64") - expected).max()) / scale
    assert error <= tolerance, f"{name}: {error} off, relative to {scale}"


def torch_net(layers):
    import torch

    nn = torch.nn
    kinds = {
        "linear": lambda l: nn.Linear(l["in_features"], l["out_features"], bias=l["bias"]),
        "layer_norm": lambda l: nn.LayerNorm(l["features"], eps=l["epsilon"]),
        "relu": lambda l: nn.ReLU(),
        "leaky_relu": lambda l: nn.LeakyReLU(l["slope"]),
        "sigmoid": lambda l: nn.Sigmoid(),
        "tanh": lambda l: nn.Tanh(),
        "gelu": lambda l: nn.GELU(),
        "gelu_tanh": lambda l: nn.GELU(approximate="tanh"),
        "dropout": lambda l: nn.Dropout(l["probability"]),
    }
    named = [(layer, {}) if isinstance(layer, str) else next(iter(layer.items())) for layer in layers]
    return nn.Sequential(*[kinds[name](options) for name, options in named]).eval()


def softmax(z):
    e = numpy.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def main(folder):
    torch, onnx = have("torch", "safetensors.torch"), have("onnx", "onnxruntime")
    files = sorted(folder.glob("*.json"))
    assert files
    for file in files:
        case = json.loads(file.read_text())
        x, y = (numpy.array(case[key], dtype="float64") for key in "xy")
        if torch:
            from safetensors.torch import load_file

            net = torch_net(case["layers"])
            net.load_state_dict(load_file(file.with_suffix(".safetensors")), strict=True)
            with torch[0].no_grad():
                expect_close(f"{file.stem}, PyTorch", net(torch[0].tensor(x, dtype=torch[0].float32)).numpy(), y, TOLERANCE_TORCH)
        if onnx:
            for suffix, expected in ((".onnx", y), (".probabilities.onnx", softmax(y))):
                path = file.with_suffix(suffix)
                model = onnx[0].load(path)
                onnx[0].checker.check_model(model, full_check=True)
                session = onnx[1].InferenceSession(path)
                for rows in (1, len(x)):
                    found = session.run(None, {"x": x[:rows].astype("float32")})[0]
                    expect_close(f"{path.name}, {rows} rows", found, expected[:rows], TOLERANCE_ONNX)
    asked = [name for name, found in (("PyTorch", torch), ("onnxruntime", onnx)) if found]
    print(f"{len(files)} models read by", " and ".join(asked) or "nobody")


main(pathlib.Path(sys.argv[1]))
