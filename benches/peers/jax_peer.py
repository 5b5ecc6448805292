"""JAX on the CPU: an epoch as one compiled lax.scan (`scan`, best for small nets), or a compiled step called from Python (`step`). The
better of the two is JAX's time. One thread is asked for by pinning the process to one core, as JAX has no setting for it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import workloads as w

args = w.arguments()
order = np.random.default_rng(1)

ACTIVATIONS = {
    "relu": jax.nn.relu, "leaky-relu": jax.nn.leaky_relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh,
    "gelu": partial(jax.nn.gelu, approximate=False), "gelu-tanh": jax.nn.gelu,
}


def dropped(key, share, x):
    return jnp.where(jax.random.bernoulli(key, 1 - share, x.shape), x / (1 - share), 0) if share and key is not None else x


def normalised(x, weight, bias):
    centred = x - x.mean(1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * weight + bias


def forward(net, params, x, key=None):
    """The logits; units are left out where there is a key."""
    of_input, of_hidden = net["dropout"]
    keys = [None] * len(params) if key is None else jax.random.split(key, len(params))
    x = dropped(keys[0], of_input, x)
    for layer, key in zip(params[:-1], keys[1:]):
        x = x @ layer["weight"] + layer["bias"]
        if net["layer_norm"]:
            x = normalised(x, layer["scale"], layer["shift"])
        x = dropped(key, of_hidden, ACTIVATIONS[net["activation"]](x))
    return x @ params[-1]["weight"] + params[-1]["bias"]


def rule(net):
    """How a parameter, its two moments and its gradient become new ones, in step t."""
    rate, eps = net["learning_rate"], 1e-8

    def adam(p, m, v, g, t):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return p - rate / (1 - 0.9**t) * m / (jnp.sqrt(v) / jnp.sqrt(1 - 0.999**t) + eps), m, v

    def momentum(p, m, v, g, t):
        m = 0.9 * m + g
        return p - rate * (g + 0.9 * m if net["optimizer"] == "nesterov" else m), m, v

    def rmsprop(p, m, v, g, t):
        v = 0.99 * v + 0.01 * g * g
        return p - rate * g / (jnp.sqrt(v) + eps), m, v

    return {
        "sgd": lambda p, m, v, g, t: (p - rate * g, m, v), "momentum": momentum, "nesterov": momentum, "adam": adam,
        "adamw": lambda p, m, v, g, t: adam(p * (1 - rate * 0.01), m, v, g, t), "rmsprop": rmsprop,
    }[net["optimizer"]]


def training(net):
    """One step, and an epoch of them, on a state of parameters, two moments and the number of steps."""
    update = rule(net)
    random = any(net["dropout"])

    def loss(params, x, y, key):
        log_p = jax.nn.log_softmax(forward(net, params, x, key))
        return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()

    def updated(state, x, y):
        params, m, v, t = state
        grads = jax.grad(loss)(params, x, y, jax.random.fold_in(jax.random.key(1), t) if random else None)
        new = jax.tree.map(lambda *values: update(*values, t + 1), params, m, v, grads)
        part = lambda i: jax.tree.map(lambda _, values: values[i], params, new)
        return part(0), part(1), part(2), t + 1

    @partial(jax.jit, donate_argnums=0)
    def step(state, x, y, chosen):
        return updated(state, x[chosen], y[chosen])

    @partial(jax.jit, donate_argnums=0)
    def scan(state, x, y, batches):
        return jax.lax.scan(lambda state, chosen: (updated(state, x[chosen], y[chosen]), None), state, batches)[0]

    return step, scan


def initial(net):
    rng = np.random.default_rng(2)
    uniform = lambda n, m: jnp.asarray(rng.uniform(-1, 1, (n, m)).astype(np.float32) / np.sqrt(n))
    pairs = list(zip(net["widths"], net["widths"][1:]))
    params = [{"weight": uniform(n, m), "bias": jnp.zeros(m)} for n, m in pairs]
    if net["layer_norm"]:
        for layer, (_, m) in zip(params[:-1], pairs):
            layer |= {"scale": jnp.ones(m), "shift": jnp.zeros(m)}
    return params


for name in args.workloads.split(","):
    net = w.WORKLOADS[name]
    batch, params = net["batch"], initial(net)

    if net["learning_rate"] is None:
        answers = jax.jit(lambda params, x: forward(net, params, x).argmax(1))
        test = w.test(args.data)
        batches = [jnp.asarray(test[i : i + batch]) for i in range(0, len(test) if name == "W5A" else 2000, batch)]
        one = lambda i: answers(params, batches[i]).block_until_ready()
        every = lambda: [one(i) for i in range(len(batches))]
        time = (lambda: w.seconds(every)) if name == "W5A" else (lambda: w.latency(one))
        time()
        w.report("JAX", name, args.threads, [time() for _ in range(args.reps)])
        continue

    x, y = map(jnp.asarray, w.train(args.data, name))
    images = batch * w.W4_STEPS if name == "W4" else len(x)
    whole = images // batch * batch
    step, scan = training(net)
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    # Plain SGD has no moments, and pays for none.
    none = net["optimizer"] == "sgd"
    moments = [jax.tree.map(lambda _: jnp.zeros(()), params) if none else zeros() for _ in range(2)]
    state = {"now": (params, *moments, jnp.asarray(0))}

    def by_scan():
        positions = order.permutation(len(x))[:images].astype(np.int32)
        state["now"] = scan(state["now"], x, y, positions[:whole].reshape(-1, batch))
        if whole < images:
            state["now"] = step(state["now"], x, y, positions[whole:])
        jax.block_until_ready(state["now"])

    def by_step():
        positions = order.permutation(len(x))[:images].astype(np.int32)
        for start in range(0, images, batch):
            state["now"] = step(state["now"], x, y, positions[start : start + batch])
        jax.block_until_ready(state["now"])

    divisor = w.W4_STEPS if name == "W4" else 1
    best = []
    for epoch in (by_scan, by_step):
        epoch()
        epoch()
        samples = [w.seconds(epoch) / divisor for _ in range(args.reps)]
        best = min(best, samples, key=lambda s: sorted(s)[len(s) // 2]) if best else samples
    w.report("JAX", name, args.threads, best)
