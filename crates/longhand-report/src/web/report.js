// The page of a run whose samples are pictures.

// The confusion matrix.
const cell = byId("cell");
const cells = all(".matrix button");
cells.forEach(button => button.addEventListener("click", () => {
  all(".matrix [aria-pressed]").forEach(other => other.removeAttribute("aria-pressed"));
  button.setAttribute("aria-pressed", "true");
  cell.replaceChildren(Object.assign(document.createElement("p"), { textContent: button.getAttribute("aria-label") }));
  cell.insertAdjacentHTML("beforeend", button.dataset.c ?? "");
}));
const mistakes = all(".matrix .wrong button");
mistakes.sort((a, b) => b.dataset.n - a.dataset.n)[0]?.click();

// The pad.
const bytesOf = id => Uint8Array.from(atob(byId(id).textContent), c => c.charCodeAt(0));

/** Pictures side by side in one. */
const IN_ROW = 50;

/** The pictures that a style shows: they stand in rows in one. */
async function strip(name, rows, columns) {
  const place = document.body.appendChild(Object.assign(document.createElement("i"), { className: name }));
  const image = new Image();
  image.src = getComputedStyle(place).backgroundImage.slice(5, -2);
  place.remove();
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return at => {
    context.drawImage(image, -(at % IN_ROW) * columns, -Math.trunc(at / IN_ROW) * rows);
    const { data } = context.getImageData(0, 0, columns, rows);
    return Uint8Array.from({ length: rows * columns }, (_, i) => 255 - data[4 * i]);
  };
}

if (byId("pad")) {
  const root = byId("pad");
  const [rows, columns] = [Number(root.dataset.rows), Number(root.dataset.columns)];
  const classes = JSON.parse(root.dataset.classes);
  const net = new Net(bytesOf("model"));
  const figures = all("#units figure");
  figures.forEach((figure, unit) => {
    const names = net.speaksFor(unit).map(c => classes[c]);
    const caption = figure.querySelector(".for");
    if (names.length && caption) caption.textContent = `for ${names.join(", ")}`;
  });
  const examples = JSON.parse(root.dataset.examples);
  let next = 0;
  let images;
  const pad = new Pad(root, {
    rows, columns, classes, centred: root.dataset.centred === "true",
    read: pixels => net.read(pixels),
    show: units => lightUp(figures, units),
    choose: examples.length && (async () => {
      images ??= await strip("v", rows, columns);
      const at = next++ % examples.length;
      return { pixels: images(at), label: examples[at] };
    }),
  });
  window.pad = pad;
}
