"""JAX on the CPU: an epoch as one compiled lax.scan (`scan`, best for small nets), or a compiled step called from Python (`step`). The
better of the two is JAX's time. One thread is asked for by pinning the process to one core, as JAX has no setting for it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import workloads as w

args = w.arguments()
order = np.random.default_rng(1)


def forward(params, x):
    for weight, bias in params[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = params[-1]
    return x @ weight + bias


def loss(params, x, y):
    log_p = jax.nn.log_softmax(forward(params, x))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def updated(params, x, y, learning_rate):
    grads = jax.grad(loss)(params, x, y)
    return jax.tree.map(lambda p, g: p - learning_rate * g, params, grads)


@partial(jax.jit, donate_argnums=0)
def step(params, x, y, chosen, learning_rate):
    return updated(params, x[chosen], y[chosen], learning_rate)


@partial(jax.jit, donate_argnums=0)
def scan(params, x, y, batches, learning_rate):
    one = lambda params, chosen: (updated(params, x[chosen], y[chosen], learning_rate), None)
    return jax.lax.scan(one, params, batches)[0]


answers = jax.jit(lambda params, x: forward(params, x).argmax(1))

for name in args.workloads.split(","):
    widths, batch, learning_rate = w.WORKLOADS[name]
    rng = np.random.default_rng(2)
    initial = lambda n, m: jnp.asarray(rng.uniform(-1, 1, (n, m)).astype(np.float32) / np.sqrt(n))
    params = [(initial(n, m), jnp.zeros(m)) for n, m in zip(widths, widths[1:])]

    if learning_rate is None:
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
    state = {"params": params}

    def by_scan():
        positions = order.permutation(len(x))[:images].astype(np.int32)
        state["params"] = scan(state["params"], x, y, positions[:whole].reshape(-1, batch), learning_rate)
        if whole < images:
            state["params"] = step(state["params"], x, y, positions[whole:], learning_rate)
        jax.block_until_ready(state["params"])

    def by_step():
        positions = order.permutation(len(x))[:images].astype(np.int32)
        for start in range(0, images, batch):
            state["params"] = step(state["params"], x, y, positions[start : start + batch], learning_rate)
        jax.block_until_ready(state["params"])

    divisor = w.W4_STEPS if name == "W4" else 1
    best = []
    for epoch in (by_scan, by_step):
        epoch()
        epoch()
        samples = [w.seconds(epoch) / divisor for _ in range(args.reps)]
        best = min(best, samples, key=lambda s: sorted(s)[len(s) // 2]) if best else samples
    w.report("JAX", name, args.threads, best)
