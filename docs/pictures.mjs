// Screenshots for README.md: `node pictures.mjs CHROMIUM REPORT PLAYGROUND FOLDER`.

import { join } from "node:path";
import { Chromium } from "../tests/browser/chromium.mjs";
import { drawings } from "../tests/browser/digits.mjs";

const [program, report, playground, folder] = process.argv.slice(2);
const browser = new Chromium(program);
const size = { width: 1040, height: 1290 };
const three = drawings(1, 5)[3];
const draw = pad => `(({ width, strokes }) => {
  ${pad}.width.value = width;
  ${pad}.strokes = strokes.map(places => ({ width, places }));
  ${pad}.draw();
})(${JSON.stringify(three)})`;
const shown = { x: 0, y: 0, ...size, scale: 1 };

let page = await browser.open(report, size);
await page.value(draw("pad"));
await page.picture(join(folder, "report.png"), shown);

page = await browser.open(playground, size);
await page.until("window.playground");
await page.click("#train");
await page.until("!playground.running", 60);
await page.value(draw("playground.pad"));
await page.value("scrollTo(0, 0)");
await page.picture(join(folder, "playground.png"), shown);
await browser.close();
