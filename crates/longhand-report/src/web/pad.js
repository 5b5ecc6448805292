// The pad: what is drawn, how the net sees it, and what the net says of it.

// As in longhand-mnist, whose Picture does the same to a file.
const SIDE = 28, BOX = 20, FAINTEST = 32, EDGE = 0.25, NOISE = 0.1;

/** For each pixel of a new line: the pixels of the old one that it covers, and how much of it lies on each. */
function covered(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, pixel) => {
    const [start, end] = [pixel * scale, (pixel + 1) * scale];
    const parts = [];
    for (let old = Math.trunc(start); old < Math.min(Math.ceil(end), from); old++) {
      parts.push([old, Math.max(Math.min(end, old + 1) - Math.max(start, old), 0) / scale]);
    }
    return parts;
  });
}

/** A part of a picture with so many rows and columns; each pixel is the mean over what it covers. */
function resample({ ink, columns: width }, { top, left, height, length }, rows, columns) {
  const strongest = ink.reduce((a, b) => Math.max(a, b), 1);
  const share = value => value / strongest < NOISE ? 0 : value / strongest;
  const image = new Float64Array(rows * columns);
  const across = covered(length, columns);
  covered(height, rows).forEach((parts, row) => {
    for (const [fromRow, weight] of parts) {
      across.forEach((parts, column) => {
        let sum = 0;
        for (const [at, part] of parts) sum += part * share(ink[(top + fromRow) * width + left + at]);
        image[row * columns + column] += weight * sum;
      });
    }
  });
  return image;
}

const isEmpty = ink => ink.every(value => value < FAINTEST);

/** The whole picture with so many rows and columns, as strong as it can be. */
function resized(picture, rows, columns) {
  if (isEmpty(picture.ink)) return new Uint8Array(rows * columns);
  const whole = { top: 0, left: 0, height: picture.rows, length: picture.columns };
  const fitted = resample(picture, whole, rows, columns);
  const strongest = fitted.reduce((a, b) => Math.max(a, b));
  return Uint8Array.from(fitted, ink => Math.round(255 * ink / strongest));
}

/** As MNIST has its digits: fitted into a box of 20 x 20, the centre of mass in the middle of 28 x 28. */
function centred(picture) {
  const { ink, rows, columns } = picture;
  const image = new Uint8Array(SIDE * SIDE);
  if (isEmpty(ink)) return image;
  const least = EDGE * ink.reduce((a, b) => Math.max(a, b));
  let [top, bottom, left, right] = [rows, -1, columns, -1];
  ink.forEach((value, at) => {
    if (value <= least) return;
    const [row, column] = [Math.trunc(at / columns), at % columns];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
  });
  const [height, length] = [bottom - top + 1, right - left + 1];
  const size = side => Math.max(Math.round(BOX * side / Math.max(height, length)), 1);
  const [h, w] = [size(height), size(length)];
  const fitted = resample(picture, { top, left, height, length }, h, w);
  const strongest = fitted.reduce((a, b) => Math.max(a, b));
  let [all, row, column] = [0, 0, 0];
  fitted.forEach((ink, at) => {
    all += ink;
    row += Math.trunc(at / w) * ink;
    column += at % w * ink;
  });
  const place = (centre, size) => Math.min(Math.max(Math.ceil(SIDE / 2 - centre - 0.5), 0), SIDE - size);
  const [y, x] = [place(row / all, h), place(column / all, w)];
  fitted.forEach((ink, at) => {
    image[(y + Math.trunc(at / w)) * SIDE + x + at % w] = Math.round(255 * ink / strongest);
  });
  return image;
}

const PAD = `
  <div class="draw"><canvas class="paper" width="280" height="280" tabindex="0" role="application" aria-roledescription="drawing area"></canvas><i class="pen" hidden></i>
    <p class="tools"><button type="button" data-do="clear">Clear</button> <button type="button" data-do="undo">Undo</button>
      <button type="button" data-do="example">Show me one</button>
      <label>Pen <select><option value="14">thin</option><option value="22" selected>medium</option><option value="32">thick</option></select></label></p></div>
  <div class="seen"><canvas class="seen" role="img" aria-label="the picture as the net sees it"></canvas><p>as the net sees it</p></div>
  <div class="answer"><p class="answer"></p><p class="said" aria-live="polite"></p><table class="bars"></table></div>`;

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HINT = "Draw here with mouse, finger or pen. By keyboard: the arrows move the pen, space sets it down and lifts it.";
const BARS = 10;

class Pad {
  /**
   * @param root where it is put
   * @param options rows, columns, centred: what the net reads; classes: their names; read(pixels), which gives
   *   probabilities and units; choose(), which gives pixels and the name of their class; show(units)
   */
  constructor(root, options) {
    root.innerHTML = PAD;
    // `stroke` is the one that is being drawn; `shown` is an example in place of a drawing.
    Object.assign(this, options, { strokes: [], stroke: null, shown: null, pen: null });
    const find = selector => root.querySelector(selector);
    [this.canvas, this.seen, this.answer, this.said, this.bars] = ["canvas.paper", "canvas.seen", "p.answer", "p.said", ".bars"].map(find);
    [this.cursor, this.width] = [find(".pen"), find("select")];
    this.canvas.setAttribute("aria-label", HINT);
    this.canvas.title = HINT;
    [this.seen.width, this.seen.height] = [this.columns, this.rows];
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.bars.innerHTML = "<tr><th scope=\"row\"></th><td><i></i></td><td></td></tr>".repeat(Math.min(this.classes.length, BARS));
    find("[data-do=example]").hidden = !this.choose;
    root.querySelectorAll("[data-do]").forEach(button => button.addEventListener("click", () => this[button.dataset.do]()));
    this.canvas.addEventListener("pointerdown", event => {
      if (!event.isPrimary || event.button !== 0) return;
      event.preventDefault();
      this.canvas.focus();
      this.canvas.setPointerCapture(event.pointerId);
      this.begin(this.place(event));
    });
    this.canvas.addEventListener("pointermove", event => {
      if (this.canvas.hasPointerCapture(event.pointerId)) this.go(this.place(event));
    });
    this.canvas.addEventListener("lostpointercapture", () => this.end());
    this.canvas.addEventListener("keydown", event => this.key(event));
    this.canvas.addEventListener("blur", () => this.move(null));
    this.draw();
  }

  /** Where the pointer is, in pixels of the canvas. */
  place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [(event.clientX - left) * this.canvas.width / width, (event.clientY - top) * this.canvas.height / height];
  }

  begin(place) {
    this.shown = null;
    this.stroke = { width: Number(this.width.value), places: [place] };
    this.strokes.push(this.stroke);
    this.draw();
  }

  go(place) {
    this.stroke?.places.push(place);
    this.draw();
  }

  /** The stroke is done: what is read is said to those who listen. */
  end() {
    this.stroke = null;
    this.said.textContent = this.answer.textContent;
  }

  key(event) {
    const step = KEYS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const pen = this.pen ?? { place: [this.canvas.width / 2, this.canvas.height / 2], down: false };
    if (!step) {
      pen.down = !pen.down;
      if (pen.down) this.begin(pen.place); else this.end();
    } else {
      pen.place = pen.place.map((at, axis) => Math.min(Math.max(at + (event.shiftKey ? 3 : 12) * step[axis], 0), this.canvas.width));
      if (pen.down) this.go(pen.place);
    }
    this.move(pen);
  }

  /** Shows where the pen of the keyboard is. */
  move(pen) {
    this.pen = pen;
    this.cursor.hidden = !pen;
    if (!pen) return;
    this.cursor.classList.toggle("down", pen.down);
    const { width, height } = this.canvas;
    [this.cursor.style.left, this.cursor.style.top] = [100 * pen.place[0] / width + "%", 100 * pen.place[1] / height + "%"];
  }

  clear() {
    [this.strokes, this.stroke, this.shown] = [[], null, null];
    this.draw();
  }

  undo() {
    if (!this.shown) this.strokes.pop();
    [this.stroke, this.shown] = [null, null];
    this.draw();
    this.end();
  }

  async example() {
    this.shown = await this.choose();
    [this.strokes, this.stroke] = [[], null];
    this.draw();
    this.end();
  }

  /** Draws the strokes and reads them. */
  draw() {
    const { context, canvas: { width, height } } = this;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.lineWidth = stroke.width;
      context.beginPath();
      stroke.places.forEach(([x, y], i) => i ? context.lineTo(x, y) : context.moveTo(x, y));
      if (stroke.places.length === 1) context.lineTo(stroke.places[0][0] + 0.01, stroke.places[0][1]);
      context.stroke();
    }
    this.update();
  }

  /** What the net sees: the drawing, or an example. */
  pixels() {
    if (this.shown) return this.shown.pixels;
    const { width: columns, height: rows } = this.canvas;
    const { data } = this.context.getImageData(0, 0, columns, rows);
    const picture = { rows, columns, ink: Float64Array.from({ length: rows * columns }, (_, i) => 255 - data[4 * i]) };
    return this.centred ? centred(picture) : resized(picture, this.rows, this.columns);
  }

  /** Reads the picture again: after a stroke, or when the net has changed. */
  update() {
    const pixels = this.pixels();
    paint(this.seen, pixels);
    if (this.shown) {
      const { context, canvas: { width, height }, rows, columns } = this;
      const scale = Math.min(width / columns, height / rows);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.seen, (width - scale * columns) / 2, (height - scale * rows) / 2, scale * columns, scale * rows);
    }
    const empty = !this.shown && isEmpty(pixels);
    const { probabilities, units } = empty ? { probabilities: [], units: [] } : this.read(pixels);
    const order = [...this.classes.keys()];
    if (order.length > BARS) order.sort((a, b) => probabilities[b] - probabilities[a]);
    const likeliest = order.reduce((a, b) => probabilities[b] > probabilities[a] ? b : a);
    [...this.bars.rows].forEach((row, i) => {
      const p = probabilities[order[i]] ?? 0;
      const [name, bar, share] = row.cells;
      name.textContent = this.classes[order[i]];
      bar.firstElementChild.style.width = 100 * p + "%";
      share.textContent = empty ? "" : `${(100 * p).toFixed(1)} %`;
      row.dataset.p = p;
      row.classList.toggle("likeliest", !empty && order[i] === likeliest);
    });
    const label = this.shown ? ` (it is labelled ${this.shown.label})` : "";
    const certainty = empty ? 0 : probabilities[likeliest];
    const useless = !empty && !probabilities.every(Number.isFinite);
    this.answer.textContent = empty ? HINT : useless ? "The net has diverged, and says nothing." : `${certainty < 0.6 ? "Unsure: " : ""}${this.classes[likeliest]}, with ${(100 * certainty).toFixed(1)} %${label}`;
    this.answer.classList.toggle("hint", empty);
    this.show?.(units);
  }
}

/** Shows a picture of bytes, ink dark on white. */
function paint(canvas, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  pixels.forEach((ink, i) => image.data.set([255 - ink, 255 - ink, 255 - ink, 255], 4 * i));
  context.putImageData(image, 0, 0);
}

/** Lets figures of units light up in proportion to what the units say. */
function lightUp(figures, units) {
  const largest = units.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  figures.forEach((figure, i) => {
    const value = units[i];
    const light = figure.querySelector(".light");
    light.style.setProperty("--a", value === undefined ? 0 : Math.abs(value) / largest);
    light.classList.toggle("less", value < 0);
    figure.querySelector(".says").textContent = value === undefined ? "" : value.toFixed(1);
  });
}
