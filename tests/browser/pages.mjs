// What the tests do with pages in Chromium: `node pages.mjs CHROMIUM TASK FILE..`. Prints one JSON text.

import { Chromium } from "./chromium.mjs";
import { drawings } from "./digits.mjs";

const [program, task, ...files] = process.argv.slice(2);
const browser = new Chromium(program);
const shares = `[...document.querySelectorAll(".bars tr")].map(row => [row.cells[0].textContent, Number(row.dataset.p)])`;
const seen = `[...pad.pixels()]`;
const click = word => `document.querySelector('[data-do=${word}]').click()`;

/** Draws strokes with the mouse, on the canvas as it is on the screen. */
async function draw(page, strokes) {
  const [x, y] = await page.middle("canvas.paper");
  const place = ([left, top]) => [x - 140 + left, y - 140 + top];
  for (const stroke of strokes) {
    await page.mouse("mouseMoved", place(stroke[0]), 0);
    await page.mouse("mousePressed", place(stroke[0]), 1);
    for (const at of stroke.slice(1)) await page.mouse("mouseMoved", place(at), 1);
    await page.mouse("mouseReleased", place(stroke.at(-1)), 0);
  }
}

const TASKS = {
  /** What is drawn, what the net sees of it, and what it says; of drawings and of an example. */
  async pad(file) {
    const page = await browser.open(file);
    const results = [];
    const note = async kind => results.push({
      kind,
      ink: await page.value(`[...pad.context.getImageData(0, 0, 280, 280).data].filter((_, i) => i % 4 === 0).map(v => 255 - v)`),
      seen: await page.value(seen),
      shares: await page.value(shares),
      units: await page.value(`[...document.querySelectorAll("#units .says")].map(o => o.textContent)`),
      text: await page.value(`document.querySelector("p.answer").textContent`),
      said: await page.value(`document.querySelector("p.said").textContent`),
    });
    for (const { width, strokes } of drawings(1, 5)) {
      await page.value(`document.querySelector(".pad select").value = "${width}"`);
      await draw(page, strokes);
      await note("drawing");
      await page.value(click("clear"));
    }
    await note("empty");
    await draw(page, [[[100, 40], [100, 240]], [[180, 40], [180, 240]]]);
    await page.value(click("undo"));
    await note("undone");
    await page.value(click("clear"));
    // By keyboard: a line from the middle down.
    await page.value(`document.querySelector("canvas.paper").focus()`);
    await page.key(" ", "Space", " ");
    for (let i = 0; i < 8; i++) await page.key("ArrowDown");
    await page.key(" ", "Space", " ");
    for (let i = 0; i < 8; i++) await page.key("ArrowLeft");
    await note("keyboard");
    await page.click("[data-do=example]");
    await page.until("pad.shown");
    await note("example");
    return { results, faults: page.faults };
  },

  /** How many of forty drawings are read rightly, and of four hundred others. */
  async forty(file) {
    const page = await browser.open(file);
    const read = async drawings => page.value(`${JSON.stringify(drawings)}.filter(({ digit, width, strokes }) => {
      pad.strokes = strokes.map(places => ({ width, places }));
      pad.draw();
      const p = ${shares}.map(([, p]) => p);
      return p.indexOf(Math.max(...p)) === digit;
    }).length`);
    return { of40: await read(drawings(4, 1)), of400: await read(drawings(40, 2)), faults: page.faults };
  },

  /** The faults of a page in both schemes and widths, by where they were found. */
  async look(...files) {
    const found = {};
    for (const file of files) {
      for (const dark of [false, true]) {
        for (const width of [1280, 390]) {
          const page = await browser.open(file, { dark, width, touch: width < 500 });
          await page.until("!document.getElementById('settings') || window.playground");
          const faults = [...page.faults, ...await page.value(`(${inspect})()`)];
          const scroll = await page.value("document.documentElement.scrollWidth");
          if (scroll > width) faults.push(`the page is ${scroll} wide`);
          if (width > 500) faults.push(...await byKeyboard(page));
          if (faults.length) found[`${file.split("/").slice(-2).join("/")}, ${dark ? "dark" : "light"}, ${width}`] = faults;
          await page.close();
        }
      }
    }
    return found;
  },

  /** The confusion matrix: what a cell says when it is pressed, and the numbers in percent. */
  async matrix(file) {
    const page = await browser.open(file);
    const cell = "table.matrix tr:nth-child(5) td:nth-of-type(8) button";
    await page.click(cell);
    const said = await page.value(`document.getElementById("cell").innerText`);
    const [label, count] = await page.value(`(b => [b.getAttribute("aria-label"), b.textContent])(document.querySelector("${cell}"))`);
    const figures = await page.value(`document.querySelectorAll("#cell figure").length`);
    await page.click("[value=share]");
    const rows = await page.value(`[...document.querySelectorAll(".matrix tr")].map(row => [...row.querySelectorAll("[data-p]")].reduce((sum, b) => sum + Number(b.textContent), 0))`);
    return { said, label, count: Number(count), figures, sums: rows.slice(2), faults: page.faults };
  },

  /** Trains in the playground with settings; gives the weights' hash, the model's file, and what the page says. */
  async playground(file, settings, plain) {
    const page = await browser.open(file, { fragment: plain });
    await page.until("window.playground");
    const status = `document.getElementById("status").textContent`;
    for (const [name, value] of Object.entries(JSON.parse(settings))) {
      await page.value(`(input => { input.value = ${JSON.stringify(value)}; input.dispatchEvent(new Event("change", { bubbles: true })); })(document.querySelector("[name=${name}]"))`);
    }
    const before = await page.value(`document.querySelector("#units canvas").toDataURL()`);
    await page.click("#train");
    await page.until(`!playground.running`, 120);
    const read = async digit => {
      const { width, strokes } = drawings(1, 5)[digit];
      await page.value(`playground.pad.width.value = "${width}"`);
      await draw(page, strokes);
      const answer = await page.value(`document.querySelector("p.answer").textContent`);
      await page.value(click("clear"));
      return answer;
    };
    await page.click("#matrix tr:nth-child(4) td:nth-of-type(2) button");
    return {
      status: await page.value(status),
      kernels: await page.value(`document.getElementById("kernels").textContent`),
      failure: await page.value(`document.getElementById("failure").textContent`),
      hash: await page.value(`playground.engine.text("hash")`),
      history: await page.value(`playground.history`),
      model: await page.value(`[...playground.engine.call("model")]`).catch(() => []),
      changed: before !== await page.value(`document.querySelector("#units canvas").toDataURL()`),
      cell: await page.value(`document.getElementById("cell").innerText.split("\\n")[0]`),
      predictions: await page.value(`[...playground.predictions]`),
      answers: [await read(1), await read(7)],
      faults: page.faults,
    };
  },
};

/** Texts without contrast, pictures and controls without names. Runs in the page. */
function inspect() {
  const faults = [];
  for (const details of document.querySelectorAll("details")) details.open = true;
  const color = text => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = (top, below) => [0, 1, 2].map(i => top[i] * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(color(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, style, noscript, title, desc")) continue;
    const inside = element.closest("svg");
    const paper = inside?.querySelector(".paper");
    const cell = element.closest(".cell")?.querySelector("rect");
    const below = inside ? color(getComputedStyle(cell ?? paper).fill) : ground(element);
    const ink = over(color(getComputedStyle(element)[inside ? "fill" : "color"]), below);
    const [a, b] = [light(ink), light(below)].sort((a, b) => b - a);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  const named = e => e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length || e.closest("label") || e.querySelector("title");
  for (const element of document.querySelectorAll("canvas, svg, img, [role=img], button, input, select, a")) {
    if (!named(element)) faults.push(`no name: ${element.outerHTML.slice(0, 80)}`);
  }
  return [...new Set(faults)];
}

/** What cannot be reached by the tabulator. */
async function byKeyboard(page) {
  const all = `[...document.querySelectorAll("button, input:not([type=radio]), [type=radio]:checked, select, a, summary, canvas.paper")].filter(e => e.checkVisibility())`;
  const expected = await page.value(`${all}.length`);
  await page.value("document.activeElement.blur(), window.scrollTo(0, 0), window.reached = new Set()");
  for (let i = 0; i < expected + 5; i++) {
    await page.key("Tab");
    await page.value("reached.add(document.activeElement), 0");
  }
  return page.value(`${all}.filter(e => !reached.has(e)).map(e => "not reached by keyboard: " + e.outerHTML.slice(0, 60))`);
}

let failed = false;
try {
  console.log(JSON.stringify(await TASKS[task](...files)));
} catch (error) {
  console.error(error);
  failed = true;
}
await browser.close();
process.exit(failed ? 1 : 0);
