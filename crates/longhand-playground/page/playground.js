// The playground: trains in the page, and shows what becomes of it.

/** The settings that are numbers, in the order in which they are handed over. */
const NUMBERS = ["dropout", "learning_rate", "momentum", "weight_decay", "batch_size", "per_class", "augment", "seed"];

const $ = id => document.getElementById(id);
const bytesOf = id => Uint8Array.from(atob($(id).textContent), c => c.charCodeAt(0));
const unpacked = bytes => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

/** What the page computes with: longhand, compiled to WebAssembly. */
class Engine {
  /** With `plain`, the kernels without the fused multiply-add, as where there is none. */
  static async load(plain) {
    let module = new Uint8Array(await unpacked(bytesOf("module")));
    if (plain || !WebAssembly.validate(module)) module = Engine.withoutFused(module);
    const { instance } = await WebAssembly.instantiate(module, {});
    const engine = new Engine();
    engine.functions = instance.exports;
    const files = [0, 1, 2, 3].map(i => bytesOf(`digits${i}`));
    const all = new Uint8Array(files.reduce((sum, file) => sum + file.length, 0));
    files.reduce((at, file) => (all.set(file, at), at + file.length), 0);
    engine.request(all);
    engine.call("open", ...files.map(file => file.length));
    return engine;
  }

  /**
   * An engine without `f32x4.relaxed_madd` refuses a module that has it. There each is replaced by
   * `v128.bitselect`, which takes as many operands and is written with as many bytes. The module tries its
   * multiply-add before it relies on it, finds that this is none, and takes its other kernels, which are exact.
   */
  static withoutFused(module) {
    const copy = module.slice();
    for (let at = 0; at + 2 < copy.length; at++) {
      if (copy[at] === 0xfd && copy[at + 1] === 0x85 && copy[at + 2] === 0x02) copy.set([0xd2, 0x00], at + 1);
    }
    return copy;
  }

  request(bytes) {
    const at = this.functions.longhand_request(bytes.length);
    new Uint8Array(this.functions.memory.buffer, at, bytes.length).set(bytes);
  }

  /** The bytes of an answer; an error is thrown. */
  call(name, ...values) {
    const length = this.functions[`longhand_${name}`](...values);
    const answer = new Uint8Array(this.functions.memory.buffer, this.functions.longhand_answer(), length < 0 ? -1 - length : length).slice();
    if (length < 0) throw new Error(new TextDecoder().decode(answer));
    return answer;
  }

  text(name, ...values) {
    return new TextDecoder().decode(this.call(name, ...values));
  }

  numbers(name, ...values) {
    return new Float32Array(this.call(name, ...values).buffer);
  }

  start(settings) {
    const { activation, optimizer, hidden, ...numbers } = settings;
    this.request(new TextEncoder().encode([activation, optimizer, ...hidden].join(" ")));
    this.call("start", ...NUMBERS.map(name => numbers[name]));
  }

  train(steps, from) {
    return JSON.parse(this.text("train", steps, from));
  }

  read(pixels) {
    this.request(pixels);
    const numbers = this.numbers("read");
    return { probabilities: numbers.subarray(0, 10), units: numbers.subarray(10) };
  }
}

const CLASSES = [..."0123456789"];
/** Milliseconds of training between two pictures. */
const SLICE = 25;
/** Milliseconds between two pictures of what takes long to draw. */
const SELDOM = 300;
const MOST_UNITS = 100;

/** A chart of two curves over the epochs, as SVG. */
function chart(root, title, curves, best) {
  const [W, H, L, R, T, B] = [640, 300, 60, 570, 34, 260];
  const last = Math.max(curves[0].values.length - 1, 1);
  // The steep beginning would leave no room for what comes after.
  const later = curves.flatMap(({ values }) => values.slice(Math.min(Math.ceil(last / 15), values.length - 1)));
  const [low, high] = best === "low" ? [0, Math.min(Math.max(...later, 1e-3), 5 * curves[0].values[0])] : [Math.min(...later, 0.99), 1];
  const step = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 1e3, 1e6].find(s => s * 6 >= high - low) ?? 1e9;
  const bottom = Math.floor(low / step + 1e-9) * step;
  const top = bottom + Math.ceil((high - bottom) / step - 1e-9) * step;
  const x = epoch => L + (R - L) * epoch / last;
  const y = value => B - (B - T) * (value - bottom) / (top - bottom);
  const every = Math.max(1, Math.ceil(last / 10));
  const parts = [`<text class="title" x="${L}" y="20">${title}</text>`];
  const lines = Math.round((top - bottom) / step);
  for (let i = 0; i <= lines; i++) {
    const value = bottom + i * step;
    parts.push(`<path class="grid" d="M${L} ${y(value)}H${R}"/><text x="${L - 6}" y="${y(value) + 4}" text-anchor="end">${+value.toFixed(4)}</text>`);
  }
  for (let epoch = 0; epoch <= last; epoch += every) parts.push(`<text x="${x(epoch)}" y="${B + 18}" text-anchor="middle">${epoch}</text>`);
  parts.push(`<path class="axis" d="M${L} ${B}H${R}"/><text x="${(L + R) / 2}" y="${H - 4}" text-anchor="middle">epoch</text>`);
  parts.push(`<clipPath id="${root.id}-clip"><rect x="${L}" y="${T - 2}" width="${R - L + 2}" height="${B - T + 4}"/></clipPath>`);
  const ends = curves.map(({ values }) => Math.min(Math.max(y(values.at(-1) ?? low), T), B));
  if (Math.abs(ends[0] - ends[1]) < 16) ends[ends[0] < ends[1] ? 1 : 0] = Math.max(...ends) + 16 - Math.abs(ends[0] - ends[1]);
  curves.forEach(({ name, values, dashed }, i) => {
    const points = values.map((value, epoch) => `${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`);
    if (points.length === 1) parts.push(`<circle class="m0" cx="${L}" cy="${ends[i]}" r="4"/>`);
    else parts.push(`<path class="curve m0${dashed ? " dashed" : ""}" clip-path="url(#${root.id}-clip)" d="M${points.join("L")}"/>`);
    parts.push(`<text class="m0" x="${R + 8}" y="${ends[i] + 4}">${name}</text>`);
  });
  const valid = curves.find(({ dashed }) => !dashed).values;
  const lowest = valid.indexOf(Math.min(...valid));
  if (best === "low" && valid.length > 2) {
    const [left, at] = [Math.min(Math.max(x(lowest), L + 90), R - 90), Math.max(y(valid[lowest]), T)];
    parts.push(`<circle class="m0" cx="${x(lowest)}" cy="${at}" r="5"/><text x="${left}" y="${at + 18 > B ? at - 10 : at + 18}" text-anchor="middle">lowest valid: ${valid[lowest].toFixed(4)}, epoch ${lowest}</text>`);
  }
  // What the values are where one points at.
  const width = (R - L) / last;
  valid.forEach((_, epoch) => {
    const values = curves.map(({ name, values }) => `${name} ${values[epoch].toFixed(4)}`).join(", ");
    const [from, to] = [Math.max(x(epoch) - width / 2, L), Math.min(x(epoch) + width / 2, R)];
    parts.push(`<rect class="hit" x="${from}" y="${T}" width="${to - from}" height="${B - T}"><title>epoch ${epoch}: ${values}</title></rect>`);
  });
  const said = curves.map(({ name, values }) => `${name} ${values.at(-1)?.toFixed(4)}`).join(", ");
  root.innerHTML = `<svg class="chart" viewBox="0 0 ${W} ${H}" role="img" aria-label="${title} after ${last} epochs: ${said}"><rect class="paper" width="${W}" height="${H}"/>${parts.join("")}</svg>`;
}

class Playground {
  constructor(engine) {
    Object.assign(this, { engine, history: [], steps: 50, waits: 0, milliseconds: 0, next: 0, started: "" });
    /** The frame that comes next, while it trains. */
    this.running = 0;
    $("kernels").textContent = engine.text("kernels") === "relaxed"
      ? "It computes with a fused multiply-add."
      : "It computes without a fused multiply-add: with the same bits, five times slower.";
    this.pad = new Pad($("pad"), {
      rows: 28, columns: 28, classes: CLASSES, centred: true,
      read: pixels => engine.read(pixels),
      show: units => lightUp([...$("units").children], units),
      choose: () => {
        const at = this.next++ * 73 % (this.predictions.length / 3);
        return { pixels: engine.call("image", at), label: CLASSES[this.predictions[3 * at]] };
      },
    });
    $("train").addEventListener("click", () => this.running ? this.pause() : this.go());
    $("restart").addEventListener("click", () => this.restart());
    $("export").addEventListener("click", () => this.save());
    $("settings").addEventListener("submit", event => event.preventDefault());
    $("settings").addEventListener("change", event => this.changed(event.target.name));
    $("matrix").addEventListener("click", event => this.choose(event.target.closest("button")));
    this.restart();
  }

  settings() {
    const form = new FormData($("settings"));
    const number = name => Number(form.get(name));
    const hidden = form.get("hidden").split(",").map(width => width.trim()).filter(width => width);
    const wrong = hidden.find(width => !/^\d{1,6}$/.test(width));
    if (wrong) throw new Error(`hidden widths: expected whole numbers, separated by commas, found ${wrong}`);
    for (const input of $("settings").elements) {
      if (!input.checkValidity()) throw new Error(`${input.parentElement.firstChild.data.trim()}: ${input.validationMessage}`);
    }
    return {
      hidden: hidden.map(Number), activation: form.get("activation"), optimizer: form.get("optimizer"),
      ...Object.fromEntries(NUMBERS.map(name => [name, number(name)])),
    };
  }

  epochs() {
    return Number(new FormData($("settings")).get("epochs"));
  }

  /** What a net is made with: of the settings those that cannot be changed while it trains. */
  made() {
    return JSON.stringify({ ...this.settings(), learning_rate: 0 });
  }

  /** Does something that may fail; says why it did, and whether it did not. */
  attempt(what) {
    $("failure").textContent = "";
    try {
      what();
      return true;
    } catch (error) {
      this.stop();
      // After an error of the program itself, nothing can be computed any more.
      const broken = error instanceof WebAssembly.RuntimeError;
      $("failure").textContent = broken ? `The program has failed (${error.message}); load the page again.` : error.message;
      for (const button of ["train", "restart", "export"]) $(button).disabled ||= broken;
      return false;
    }
  }

  restart() {
    return this.attempt(() => {
      this.engine.start(this.settings());
      this.started = this.made();
      [this.history, this.milliseconds] = [[], 0];
      this.note(this.engine.train(1, 0)); // epoch 0: before training
      this.makeUnits();
      this.makeMatrix();
      this.drawAll();
    });
  }

  changed(name) {
    if (name === "epochs") return this.name();
    if (name === "optimizer") {
      // Each needs its own usual rate.
      const { optimizer, learning_rate: rate } = $("settings").elements;
      if (optimizer.value === "sgd" && rate.value === "0.001") rate.value = "0.1";
      if (optimizer.value !== "sgd" && rate.value === "0.1") rate.value = "0.001";
    }
    if (name === "learning_rate") return this.attempt(() => this.engine.call("learning_rate", this.settings().learning_rate));
    if (this.restart() && this.running) this.nextFrame();
  }

  go() {
    const isStale = () => this.started !== this.made() || this.state.epochs >= this.epochs();
    let stale = false;
    if (this.attempt(() => stale = isStale()) && (!stale || this.restart())) this.nextFrame();
  }

  nextFrame() {
    cancelAnimationFrame(this.running);
    this.running = requestAnimationFrame(() => this.frame());
    this.name();
  }

  stop() {
    cancelAnimationFrame(this.running);
    this.running = 0;
    this.name();
  }

  /** The button is named after what it does. */
  name() {
    const { epochs = 0, step = 0 } = this.state ?? {};
    $("train").textContent = this.running ? "Pause" : epochs >= this.epochs() ? "Train again" : epochs + step ? "Continue" : "Train";
  }

  pause() {
    this.stop();
    this.drawAll();
  }

  note(state) {
    this.state = state;
    this.history.push(...state.history);
    if (state.diverged) throw new Error(state.diverged);
  }

  /** Trains for a while, then shows it. */
  frame() {
    this.attempt(() => {
      const end = performance.now() + SLICE;
      while (performance.now() < end && this.state.epochs < this.epochs()) {
        const start = performance.now();
        this.note(this.engine.train(this.steps, this.history.length));
        const took = performance.now() - start;
        this.milliseconds += took;
        // As many steps at a time as take a few milliseconds.
        this.steps = Math.max(1, Math.min(1000, Math.round(this.steps * (took < 4 ? 1.5 : took > 8 ? 0.6 : 1))));
      }
      if (this.state.epochs >= this.epochs()) return this.pause();
      if (performance.now() > this.waits) this.drawAll(); else this.draw();
      this.nextFrame();
    });
  }

  draw() {
    const { epochs, epoch, step, steps, parameters } = this.state;
    const [trainLoss, , validLoss, accuracy] = this.history.at(-1);
    const each = epochs ? `, ${(this.milliseconds / (epochs + step / steps)).toFixed(0)} ms an epoch` : "";
    // Between two epochs, the weights are others than those that were measured.
    const between = this.running || step > 0;
    const doing = between ? `epoch ${epoch}, step ${step} of ${steps}; after epoch ${epochs}` : `after epoch ${epochs}`;
    this.name();
    $("status").textContent = `${doing}: validation accuracy ${(100 * accuracy).toFixed(1)} %, loss ${validLoss.toFixed(4)} (training ${trainLoss.toFixed(4)})${each}; ${parameters} parameters`
      + (between ? "" : `; weights ${this.engine.text("hash").slice(0, 16)} (SHA-256)`);
    const curve = (name, column, dashed) => ({ name, dashed, values: this.history.map(row => row[column]) });
    chart($("loss"), "Loss", [curve("train", 0, true), curve("valid", 2, false)], "low");
    chart($("accuracy"), "Accuracy", [curve("train", 1, true), curve("valid", 3, false)], "high");
  }

  /** The rest, which takes longer. */
  drawAll() {
    const start = performance.now();
    this.draw();
    this.predictions = this.engine.call("predictions");
    this.drawUnits();
    this.drawMatrix();
    this.pad.update();
    const rows = this.history.map((row, epoch) => `<tr><th scope="row">${epoch}</th>${row.map(value => `<td>${value.toFixed(4)}</td>`).join("")}</tr>`);
    $("cell").setAttribute("aria-live", this.running ? "off" : "polite");
    $("values").innerHTML = `<tr>${["epoch", "train loss", "train accuracy", "valid loss", "valid accuracy"].map(name => `<th scope="col">${name}</th>`).join("")}</tr>${rows.join("")}`;
    // Most of the time is for training.
    const end = performance.now();
    this.waits = end + Math.max(SELDOM, 4 * (end - start));
  }

  makeUnits() {
    this.templates = !this.settings().hidden.length;
    $("units-title").textContent = this.templates ? "The weights of each class" : "The weights of the hidden units";
    const units = Math.min(this.engine.numbers("weights").length / 784, MOST_UNITS);
    $("units").innerHTML = Array.from({ length: units }, (_, unit) =>
      `<figure><canvas class="weights" width="28" height="28" role="img" aria-label="weights of ${this.templates ? "digit" : "unit"} ${unit}"></canvas><span class="light"></span><span class="says"></span><figcaption><b>${unit}</b></figcaption></figure>`).join("");
  }

  drawUnits() {
    const weights = this.engine.numbers("weights");
    const units = weights.length / 784;
    const sizes = weights.map(Math.abs).sort();
    const strongest = sizes[Math.trunc(0.995 * sizes.length)] || 1;
    [...$("units").querySelectorAll("canvas")].forEach((canvas, unit) => {
      const context = canvas.getContext("2d");
      const image = context.createImageData(28, 28);
      for (let pixel = 0; pixel < 784; pixel++) {
        const share = Math.min(Math.max(weights[pixel * units + unit] / strongest, -1), 1);
        const end = share > 0 ? [190, 70, 0] : [0, 80, 170];
        image.data.set([...end.map(e => 255 + (e - 255) * Math.abs(share)), 255], 4 * pixel);
      }
      context.putImageData(image, 0, 0);
    });
  }

  makeMatrix() {
    const heads = CLASSES.map(c => `<th scope="col">${c}</th>`).join("");
    const rows = CLASSES.map((label, i) => `<tr>${i ? "" : `<th class="axis" scope="rowgroup" rowspan="10"><span class="down">label</span></th>`}<th scope="row">${label}</th>${CLASSES.map(() => "<td><button type=\"button\"></button></td>").join("")}</tr>`);
    $("matrix").innerHTML = `<colgroup><col style="width:1.6rem"></colgroup><tr><td class="axis" colspan="2"></td><th class="axis" scope="colgroup" colspan="10">predicted</th></tr><tr><td class="axis" colspan="2"></td>${heads}</tr>${rows.join("")}`;
    this.chosen = null;
    $("cell").innerHTML = "";
  }

  drawMatrix() {
    this.cells = CLASSES.map(() => CLASSES.map(() => []));
    for (let i = 0; i < this.predictions.length; i += 3) this.cells[this.predictions[i]][this.predictions[i + 1]].push(i / 3);
    [...$("matrix").querySelectorAll("button")].forEach((button, i) => {
      const [label, predicted] = [Math.trunc(i / 10), i % 10];
      const count = this.cells[label][predicted].length;
      const share = count / this.cells[label].reduce((sum, cell) => sum + cell.length, 0);
      button.textContent = count;
      button.setAttribute("aria-label", `${label} predicted as ${predicted}: ${count} images`);
      button.parentElement.className = !count ? "none" : label === predicted ? "right" : "wrong";
      button.parentElement.style.setProperty("--s", label === predicted ? share : Math.min(8 * share, 1));
    });
    if (!this.chosen && this.state.epochs) {
      const mistakes = [...$("matrix").querySelectorAll(".wrong button")];
      return this.choose(mistakes.sort((a, b) => b.textContent - a.textContent)[0]);
    }
    this.drawCell();
  }

  choose(button) {
    if (!button) return;
    [...$("matrix").querySelectorAll("[aria-pressed]")].forEach(other => other.removeAttribute("aria-pressed"));
    button.setAttribute("aria-pressed", "true");
    const i = [...$("matrix").querySelectorAll("button")].indexOf(button);
    this.chosen = [Math.trunc(i / 10), i % 10];
    this.drawCell();
  }

  drawCell() {
    if (!this.chosen) return;
    const [label, predicted] = this.chosen;
    const percent = at => this.predictions[3 * at + 2];
    const sign = label === predicted ? 1 : -1;
    const shown = [...this.cells[label][predicted]].sort((a, b) => sign * (percent(a) - percent(b))).slice(0, 12);
    const figures = shown.map(at => `<figure><canvas width="28" height="28" role="img" aria-label="image ${at}, label ${label}"></canvas><figcaption>${percent(at)} %</figcaption></figure>`);
    $("cell").innerHTML = `<p>${label} predicted as ${predicted}: ${this.cells[label][predicted].length} images</p>${figures.join("")}`;
    [...$("cell").querySelectorAll("canvas")].forEach((canvas, i) => paint(canvas, this.engine.call("image", shown[i])));
  }

  save() {
    this.attempt(() => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([this.engine.call("model")], { type: "application/octet-stream" }));
      link.download = "model.safetensors";
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
}

const plain = location.hash === "#exact";
Engine.load(plain).then(engine => window.playground = new Playground(engine)).catch(error => {
  $("failure").textContent = `The page cannot compute here: ${error.message}. It needs a browser with WebAssembly and its vectors, as all are since 2023.`;
});
