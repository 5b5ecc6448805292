// Drives a headless Chromium over the pipe of its own protocol, the one that its developer tools speak.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

export class Chromium {
  constructor(program) {
    this.folder = mkdtempSync(join(tmpdir(), "chromium-"));
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"];
    this.process = spawn(program, [...FLAGS, `--user-data-dir=${this.folder}`, "about:blank"], { stdio });
    [this.waiting, this.events, this.last, this.rest] = [new Map(), [], 0, ""];
    this.process.stdio[4].setEncoding("utf8").on("data", text => {
      const messages = (this.rest + text).split("\0");
      this.rest = messages.pop();
      messages.forEach(message => this.receive(JSON.parse(message)));
    });
    this.process.on("exit", () => this.waiting.forEach(({ no }) => no(new Error("Chromium has ended"))));
  }

  receive({ id, result, error, method, params, sessionId }) {
    if (!id) return this.events.forEach(event => event(method, params, sessionId));
    const { yes, no } = this.waiting.get(id);
    this.waiting.delete(id);
    error ? no(new Error(error.message)) : yes(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.last;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((yes, no) => this.waiting.set(id, { yes, no }));
  }

  /** Opens a file in a new tab, with a fragment if there is one. */
  async open(file, { fragment = "", width = 1280, height = 900, dark = false, touch = false } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: touch });
    await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    const loaded = new Promise(yes => page.loaded = yes);
    page.url = pathToFileURL(file).href + fragment;
    await page.send("Page.navigate", { url: page.url });
    await loaded;
    return page;
  }

  async close() {
    const ended = new Promise(yes => this.process.on("exit", yes));
    await this.send("Browser.close").catch(() => {});
    await ended;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

class Page {
  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target });
    /** What went wrong in the page, and what it asked others for. */
    this.faults = [];
    browser.events.push((method, params, sessionId) => {
      if (sessionId !== session) return;
      if (method === "Page.loadEventFired") this.loaded?.();
      if (method === "Runtime.exceptionThrown") this.faults.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      if (method === "Log.entryAdded" && params.entry.level === "error") this.faults.push(params.entry.text);
      if (method === "Runtime.consoleAPICalled" && params.type === "error") this.faults.push(params.args.map(a => a.value).join(" "));
      if (method === "Network.requestWillBeSent" && !/^(data|blob):/.test(params.request.url) && params.request.url !== this.url.split("#")[0]) {
        this.faults.push(`request to ${params.request.url}`);
      }
    });
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  /** The value of an expression in the page; a promise is waited for. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression, seconds = 20) {
    for (const end = Date.now() + 1000 * seconds; Date.now() < end;) {
      if (await this.value(`Boolean(${expression})`)) return;
      await new Promise(yes => setTimeout(yes, 20));
    }
    throw new Error(`not within ${seconds} s: ${expression}`);
  }

  /** The middle of an element, after it has been scrolled to. */
  async middle(selector) {
    const place = await this.value(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "center" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`);
    return place;
  }

  mouse(type, [x, y], buttons) {
    return this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons, clickCount: 1, pointerType: "mouse" });
  }

  async click(selector) {
    const place = await this.middle(selector);
    await this.mouse("mousePressed", place, 1);
    await this.mouse("mouseReleased", place, 0);
  }

  /** Presses a key, by its name; keys with a text also type it. */
  async key(key, code = key, text = undefined, modifiers = 0) {
    const number = { Tab: 9, Enter: 13, " ": 32, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 }[key];
    const event = { key, code, text, modifiers, windowsVirtualKeyCode: number };
    await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event, text: undefined });
  }

  /** A picture of the page: of all of it, or of a part. */
  async picture(file, clip = undefined) {
    const size = await this.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]");
    clip ??= { x: 0, y: 0, width: size[0], height: size[1], scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true, clip });
    writeFileSync(file, Buffer.from(data, "base64"));
  }

  close() {
    return this.browser.send("Target.closeTarget", { targetId: this.target });
  }
}
