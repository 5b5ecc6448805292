// A net that was saved by longhand, read from its file and computed in double precision.

/** The error function: its series near 0, the continued fraction of 1 - erf further out. */
function erf(x) {
  const z = Math.abs(x);
  let value;
  if (z < 2.5) {
    let term = z;
    value = z;
    for (let n = 1; Math.abs(term) > 1e-17 * value && n < 100; n++) {
      term *= -z * z / n;
      value += term / (2 * n + 1);
    }
    value *= 2 / Math.sqrt(Math.PI);
  } else {
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
    value = 1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
  }
  return Math.sign(x) * value;
}

const ELEMENTWISE = {
  relu: () => v => Math.max(v, 0),
  leaky_relu: ({ slope }) => v => v > 0 ? v : slope * v,
  sigmoid: () => v => 1 / (1 + Math.exp(-v)),
  tanh: () => Math.tanh,
  gelu: () => v => v * (1 + erf(v / Math.SQRT2)) / 2,
  gelu_tanh: () => v => v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))) / 2,
  dropout: () => v => v, // only in training
};

class Net {
  /** Reads a file in the format safetensors, with the description that longhand puts into it. */
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const description = JSON.parse(header.__metadata__.longhand);
    const tensor = name => {
      if (!header[name]) return null;
      const [start, end] = header[name].data_offsets.map(offset => 8 + length + offset);
      return Float32Array.from({ length: (end - start) / 4 }, (_, i) => view.getFloat32(start + 4 * i, true));
    };
    this.layers = description.layers.map((layer, at) => {
      const [kind, options] = typeof layer === "string" ? [layer, {}] : Object.entries(layer)[0];
      return { kind, ...options, weight: tensor(`${at}.weight`), bias: tensor(`${at}.bias`) };
    });
    const linear = this.layers.map(({ kind }, at) => kind === "linear" ? at : -1).filter(at => at >= 0);
    /** The layer after which units are what the second linear layer reads; or the last layer. */
    this.hidden = linear.length > 1 ? linear[1] - 1 : this.layers.length - 1;
    this.second = linear.length === 2 ? this.layers[linear[1]] : null;
  }

  /** The outputs of each layer for inputs between 0 and 1. */
  infer(x) {
    return this.layers.map(layer => x = Net.apply(layer, x));
  }

  static apply({ kind, weight, bias, epsilon, ...options }, x) {
    if (kind === "linear") {
      return Float64Array.from({ length: weight.length / x.length }, (_, unit) => {
        let sum = bias ? bias[unit] : 0;
        for (let i = 0, at = unit * x.length; i < x.length; i++) sum += weight[at + i] * x[i];
        return sum;
      });
    }
    if (kind === "layer_norm") {
      const mean = x.reduce((a, b) => a + b) / x.length;
      const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length;
      return x.map((v, i) => (v - mean) / Math.sqrt(variance + epsilon) * weight[i] + bias[i]);
    }
    return x.map(ELEMENTWISE[kind](options));
  }

  /** The probabilities of the classes for a picture of bytes, and what the hidden units say. */
  read(pixels) {
    const outputs = this.infer(Float64Array.from(pixels, pixel => pixel / 255));
    return { probabilities: softmax(outputs.at(-1)), units: outputs[this.hidden] };
  }

  /** The two classes that a hidden unit speaks for most, of a net of two linear layers. */
  speaksFor(unit) {
    if (!this.second) return [];
    const { weight, bias, in_features: width } = this.second;
    const classes = Array.from({ length: weight.length / width }, (_, c) => [weight[c * width + unit], c]);
    return classes.filter(([w]) => w > 0).sort((a, b) => b[0] - a[0]).slice(0, 2).map(([, c]) => c);
  }
}

function softmax(logits) {
  const highest = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map(logit => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}
