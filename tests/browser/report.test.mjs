// The HTML report in headless Chromium: it works by mouse and by keyboard, in light and dark, on a laptop and on a
// phone, on paper and without its script; nothing leaves the page, and a hostile name does nothing.
//
// OVERGRANT_REPORTS is a folder with demo.html (a report of tests/organisation) and with what the unit test
// `reports_are_written_where_they_are_wanted` writes: full, hostile, script, rtl, empty, large. CHROMIUM is the browser.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const folder = process.env.OVERGRANT_REPORTS;
assert.ok(folder && existsSync(folder), "OVERGRANT_REPORTS names the folder of the pages");
const shots = process.env.OVERGRANT_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executable =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

// What a page with 100,000 principals may take until it can be used, on a machine that does nothing else; where others
// are at work as well, three times as long.
const OPEN_SECONDS_MAX = loadavg()[0] < cpus().length ? 3 : 9;
const LAPTOP = { width: 1366, height: 768 };
const PHONE = { width: 390, height: 844 };
const NAMES = ["demo", "full", "hostile", "script", "rtl", "empty", "large"];

let browser;
before(async () => {
  // The pages are our own files; a container has no user namespace to keep the browser's sandbox in.
  browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
});
after(() => browser?.close());

const address = (name) => pathToFileURL(join(folder, `${name}.html`)).href;

/** Opens a page and keeps account of all that it says and asks for. */
async function open(name, { viewport = LAPTOP, ...options } = {}) {
  const context = await browser.newContext({ viewport, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const heard = { console: [], errors: [], requests: [], failed: [], dialogs: [] };
  page.on("console", (message) => heard.console.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => heard.errors.push(error.message));
  page.on("request", (request) => heard.requests.push(request.url()));
  page.on("requestfailed", (request) => heard.failed.push(`${request.url()} ${request.failure()?.errorText}`));
  page.on("dialog", (dialog) => {
    heard.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  const url = name.startsWith("file:") ? name : address(name);
  await page.goto(url);
  const done = async () => {
    assert.deepEqual(heard, { console: [], errors: [], requests: [url], failed: [], dialogs: [] }, "a page is silent and alone");
    await context.close();
  };
  return { page, heard, done };
}

/** The table of a section, read by the script. */
async function table(page, name) {
  const box = page.locator(`[data-table="${name}"]`);
  await box.scrollIntoViewIfNeeded();
  await box.locator(".tools").waitFor({ state: "visible" });
  return {
    box,
    search: box.locator("input[type=search]"),
    rows: box.locator("tbody > tr"),
    count: box.locator(".count"),
    sort: (title) => box.locator("thead th", { hasText: title }).locator("button"),
    head: (title) => box.locator("thead th", { hasText: title }),
    cells: async (title) => {
      const titles = await box.locator("thead th").allInnerTexts();
      const at = titles.findIndex((text) => text.trim().startsWith(title));
      assert.ok(at >= 0, `${name} has the column ${title}`);
      // The cell that opens a row is the first, and no heading.
      const opens = await box.locator("thead td.more").count();
      return box.locator(`tbody > tr > :nth-child(${at + 1 + opens})`).allInnerTexts();
    },
  };
}

const numbers = (cells) => cells.map(Number);
const sorted = (values, way) => values.every((value, at) => at === 0 || way * (value - values[at - 1]) >= 0);

for (const name of NAMES) {
  test(`${name}: opens without a word, asks for nothing, has its landmarks`, async () => {
    const { page, done } = await open(name);
    await page.evaluate(async () => {
      for (const section of document.querySelectorAll("main > section")) {
        section.scrollIntoView();
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    });
    for (const landmark of ["header", "nav", "main", "footer"]) {
      assert.equal(await page.locator(`body > ${landmark}`).count(), 1, landmark);
    }
    assert.equal(await page.locator("h1").count(), 1);
    for (const link of await page.locator("nav a").all()) {
      const target = await link.getAttribute("href");
      assert.equal(await page.locator(`section${target} > h2`).count(), 1, target);
    }
    assert.equal(await page.locator("#theme").isVisible(), true, "the script ran");
    await done();
  });
}

test("search finds a principal, in capitals too, and says how many rows fit", async () => {
  const { page, done } = await open("demo");
  const principals = await table(page, "principals-table");
  const all = await principals.rows.count();
  const name = (await principals.cells("Principal"))[3];
  await principals.search.fill(name.toUpperCase());
  await page.waitForFunction((n) => document.querySelectorAll('[data-table="principals-table"] tbody > tr').length < n, all);
  assert.ok((await principals.cells("Principal")).some((cell) => cell === name));
  assert.match(await principals.count.innerText(), /^\d+ of \d+ rows$/);
  await principals.search.fill("no principal is called that");
  await principals.box.getByText("Nothing fits.").waitFor();
  await principals.search.press("Escape");
  await principals.box.getByText("Nothing fits.").waitFor({ state: "detached" });
  assert.equal(await principals.rows.count(), all, "escape shows all again");
  await done();
});

test("a heading sorts, once more the other way round, and says so", async () => {
  const { page, done } = await open("demo");
  const principals = await table(page, "principals-table");
  assert.ok(sorted(numbers(await principals.cells("Risk")), -1), "highest risk first");
  await principals.sort("Risk").click();
  assert.equal(await principals.head("Risk").getAttribute("aria-sort"), "descending");
  assert.ok(sorted(numbers(await principals.cells("Risk")), -1));
  await principals.sort("Risk").click();
  assert.equal(await principals.head("Risk").getAttribute("aria-sort"), "ascending");
  assert.ok(sorted(numbers(await principals.cells("Risk")), 1));
  await principals.sort("Principal").click();
  assert.equal(await principals.head("Risk").getAttribute("aria-sort"), "none");
  const names = (await principals.cells("Principal")).map((text) => text.toLowerCase());
  assert.deepEqual(names, [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  await done();
});

test("what is unknown comes last, whichever way a column is sorted", async () => {
  const { page, done } = await open("demo");
  const orphans = await table(page, "orphans-table");
  for (let way = 0; way < 2; way += 1) {
    await orphans.sort("Since").click();
    const cells = await orphans.cells("Since");
    const known = cells.filter((cell) => cell !== "–").length;
    assert.ok(known > 0 && known < cells.length && cells.slice(0, known).every((cell) => cell !== "–"), cells.join(" "));
  }
  await done();
});

test("filters keep what they name, and together with a search", async () => {
  const { page, done } = await open("demo");
  const findings = await table(page, "findings-table");
  await findings.box.getByLabel("Severity").selectOption("critical");
  const critical = await findings.cells("Severity");
  assert.ok(critical.length > 0 && critical.every((cell) => cell === "critical"), critical.join(" "));
  await findings.box.getByLabel("Rule").selectOption("key-age");
  const rules = await findings.cells("Rule");
  assert.ok(rules.length > 0 && rules.every((cell) => cell === "key-age"), rules.join(" "));
  await done();
});

test("a row opens, and leads to its drawn path", async () => {
  const { page, done } = await open("full");
  const principals = await table(page, "principals-table");
  const button = principals.box.getByRole("button", { name: "Details of deploy" });
  await button.click();
  assert.equal(await button.getAttribute("aria-expanded"), "true");
  const detail = principals.box.locator("tr.detail");
  assert.match(await detail.innerText(), /arn:aws:iam::111122223333:role\/ci\/deploy/);
  await detail.getByRole("link", { name: "Open the drawn path" }).click();
  const path = page.locator("#path-3");
  await path.locator("svg.path").waitFor({ state: "visible" });
  assert.equal(await path.evaluate((element) => element.open), true);
  assert.equal(await path.locator("svg.path rect.box").count(), 2);
  assert.match(await path.innerText(), /can become administrator of scope main/);
  assert.equal(await path.locator("summary").evaluate((element) => element === document.activeElement), true);
  await done();
});

test("a link from outside opens the path that it names", async () => {
  const { page: closed, done } = await open("demo");
  const second = closed.locator("details.witness").nth(1);
  assert.equal(await second.evaluate((element) => element.open), false);
  const id = await second.getAttribute("id");
  await done();
  const { page, heard } = await open(`${address("demo")}#${id}`);
  assert.equal(await page.locator(`#${id}`).evaluate((element) => element.open), true);
  assert.deepEqual(heard.errors, []);
  await page.context().close();
});

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

test("it follows the system's theme, and the button overrules it", async () => {
  const { page, done } = await open("demo", { colorScheme: "dark" });
  const dark = await background(page);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await background(page);
  assert.equal(light, "rgb(255, 255, 255)");
  assert.notEqual(dark, light);
  const button = page.locator("#theme");
  await button.click();
  await button.click();
  assert.equal(await button.innerText(), "Theme: dark");
  assert.equal(await background(page), dark);
  await button.click();
  assert.equal(await background(page), light);
  await done();
});

test("on paper there are no controls, and what was closed is open", async () => {
  const { page, done } = await open("demo", { colorScheme: "dark" });
  const open_ = () => page.locator("details.witness[open]").count();
  const before = await open_();
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("nav").isVisible(), false);
  assert.equal(await page.locator("#print").isVisible(), false);
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("details.witness:not([open])").count(), 0);
  assert.ok((await page.locator("details.witness").count()) > 0);
  await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  assert.ok(before < (await page.locator("details.witness").count()));
  assert.equal(await open_(), before, "as it was before");
  const pdf = await page.pdf({ format: "A4" });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  await done();
});

test("everything can be reached and done by keyboard", async () => {
  const { page, done } = await open("demo");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the report" });
  assert.equal(await skip.evaluate((element) => element === document.activeElement), true);
  assert.ok((await skip.boundingBox()).x >= 0, "it is seen when it has the focus");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  const principals = await table(page, "principals-table");
  await principals.sort("Risk").focus();
  const outline = await principals.sort("Risk").evaluate((element) => getComputedStyle(element).outlineStyle);
  assert.notEqual(outline, "none", "focus is seen");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.equal(await principals.head("Risk").getAttribute("aria-sort"), "ascending");
  await done();
});

test("rows are copied as text that no spreadsheet takes for a formula", async () => {
  const { page, done } = await open("hostile", { permissions: ["clipboard-read", "clipboard-write"] });
  const findings = await table(page, "findings-table");
  await findings.box.getByRole("button", { name: "Copy rows" }).click();
  await page.locator("#said", { hasText: "rows copied" }).waitFor({ state: "attached" });
  const lines = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
  assert.equal(lines.length, 5, "a line break in a name begins no row");
  for (const cell of lines.flatMap((line) => line.split("\t"))) assert.doesNotMatch(cell, /^[=+@]|^-\D/);
  assert.match(lines[1], /^'=cmd/);
  await done();
});

test("a change of the plan is copied as it is", async () => {
  const { page, done } = await open("full", { permissions: ["clipboard-read", "clipboard-write"] });
  const step = page.locator(".plan > li").first();
  await step.locator("summary").click();
  await step.getByRole("button", { name: "Copy" }).click();
  await page.locator("#said", { hasText: "Change copied" }).waitFor({ state: "attached" });
  assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), { op: "delete_grant" });
  await done();
});

test("a hostile name is text: it makes no element, no dialog, no request", async () => {
  const { page, done } = await open("hostile");
  for (const name of ["principals-table", "findings-table", "orphans-table", "choke-table", "metrics-table", "issues-table"]) {
    const { box } = await table(page, name);
    for (const button of await box.locator("button.open").all()) await button.click();
    assert.match(await box.innerText(), /<\/script><img src=x onerror=alert\(1\)>/, name);
  }
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  assert.equal(await page.locator("img, iframe, object, embed, link, base, form").count(), 0);
  assert.equal(await page.locator("script:not([type])").count(), 1);
  assert.equal(await page.locator("[onerror], [onclick], [onload]").count(), 0);
  const text = await page.locator("body").innerText();
  assert.doesNotMatch(text, /[\u202a-\u202e\u2066-\u2069\u001b]/, "nothing turns the order of letters round");
  await done();
});

const LONG = "אבגדהוזחטי".repeat(100);
const NAMED = [["script", "<script>alert(1)</script>"], ["rtl", LONG]];

for (const [page_, name] of NAMED) {
  test(`${page_}: the name is text in every table, opened and closed, and is found`, async () => {
    const { page, done } = await open(page_);
    const tables = await page.locator("[data-table]").evaluateAll((boxes) => boxes.map((box) => box.dataset.table));
    assert.ok(tables.length >= 8, tables.join(" "));
    for (const each of tables) {
      const { box, search, rows, count } = await table(page, each);
      for (const button of await box.locator("button.open").all()) await button.click();
      assert.ok((await box.innerText()).includes(name), `${each} shows the name`);
      const all = await count.innerText();
      await search.fill(name.slice(0, 500).toUpperCase());
      await page.waitForTimeout(200);
      assert.ok((await rows.count()) > 0 && !(await box.innerText()).includes("Nothing fits."), `${each} finds the name`);
      await search.fill(`${name}x`);
      await box.getByText("Nothing fits.").waitFor();
      await search.press("Escape");
      await box.getByText("Nothing fits.").waitFor({ state: "detached" });
      assert.equal(await count.innerText(), all);
    }
    await done();
  });

  test(`${page_}: the name is text in pictures, titles, labels and choices`, async () => {
    const { page, done } = await open(page_);
    await table(page, "principals-table");
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    const picture = page.locator("#path-3 svg.path");
    assert.ok((await picture.getAttribute("aria-label")).includes(name), "the picture is called by it");
    const titles = await picture.locator("title").allTextContents();
    assert.ok(titles.length >= 3 && titles.every((title) => title.includes(name)), "every box has it as its title");
    const shown = await picture.locator("text.name").allTextContents();
    assert.deepEqual(shown, Array(2).fill(name.length > 44 ? `${name.slice(0, 43)}…` : name), "and as much of it as fits");
    const frame = await picture.boundingBox();
    for (const text of await picture.locator("text").all()) {
      const { x, width } = await text.boundingBox();
      assert.ok(x >= frame.x - 1 && x + width <= frame.x + frame.width + 1, "nothing is written over the edge");
    }
    const label = await page.locator('[data-table="principals-table"] button.open').first().getAttribute("aria-label");
    assert.ok(label.includes(name), "the button that opens a row is called by it");
    const choices = await page.locator('[data-table="metrics-table"] option').allTextContents();
    assert.ok(choices.includes(name), "it can be chosen");
    assert.equal(await page.locator("script:not([type])").count(), 1, "no element came of it");
    assert.equal(await page.evaluate(() => window.owned), undefined);
    await done();
  });

  test(`${page_}: the name turns no line round and fills no screen`, async () => {
    const { page, done } = await open(page_, { viewport: PHONE });
    const principals = await table(page, "principals-table");
    const heights = await principals.rows.evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height));
    assert.ok(Math.max(...heights) < 400, `a row is ${Math.max(...heights)} high`);
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    const [width, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(width <= screen, `${width} > ${screen}`);
    const order = await page.locator("#path-3 summary .title bdi").evaluateAll((names) => names.map((each) => each.getBoundingClientRect()));
    assert.equal(order.length, 2);
    assert.ok(order[0].top < order[1].top || order[0].left < order[1].left, "from is before to");
    await done();
  });
}

test("the policy stops what gets in all the same", async () => {
  const { page, heard } = await open("demo");
  const blocked = await page.evaluate(async () => {
    const seen = [];
    document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.owned = true";
    const image = document.createElement("img");
    image.src = "http://127.0.0.1:9/x.png";
    document.body.append(script, image);
    document.body.insertAdjacentHTML("beforeend", "<b onclick='window.owned = true' id='bait'>x</b>");
    document.getElementById("bait").click();
    await new Promise((resolve) => setTimeout(resolve, 200));
    return { seen, owned: window.owned === true };
  });
  assert.equal(blocked.owned, false);
  for (const directive of ["script-src-elem", "script-src-attr", "img-src"]) assert.ok(blocked.seen.includes(directive), blocked.seen.join(" "));
  assert.deepEqual(heard.failed, ["http://127.0.0.1:9/x.png csp"], "refused before it left the browser");
  await page.context().close();
});

test("one changed letter in the script, and it does not run: the numbers are still there", async () => {
  const changed = join(folder, "changed.html");
  writeFileSync(changed, readFileSync(join(folder, "demo.html"), "utf8").replace("const PAGE = 50;", "const PAGE = 51;"));
  const { page, heard } = await open(pathToFileURL(changed).href);
  assert.equal(await page.locator("#theme").isVisible(), false);
  assert.ok(heard.console.some((line) => line.includes("Content Security Policy")), heard.console.join("\n"));
  assert.ok((await page.locator('[data-table="principals-table"] tbody > tr').count()) > 0);
  await page.context().close();
});

test("without a script all but the tools is there", async () => {
  const { page, done } = await open("demo", { javaScriptEnabled: false });
  assert.match(await page.locator(".verdict").innerText(), /outside the protected zone/);
  assert.equal(await page.locator('[data-table="principals-table"] tbody > tr').count(), 20);
  assert.equal(await page.locator(".tools").first().isVisible(), false);
  await done();
});

for (const [form, viewport] of [["a laptop", LAPTOP], ["a phone", PHONE]]) {
  for (const name of ["demo", "hostile"]) {
    test(`${name}: on ${form} nothing is wider than the screen`, async () => {
      const { page, done } = await open(name, { viewport });
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
      const [width, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(width <= screen, `${width} > ${screen}`);
      await done();
    });
  }
}

for (const [scheme, viewport] of [["light", LAPTOP], ["dark", LAPTOP], ["light", PHONE]]) {
  for (const name of ["demo", "full"]) {
    test(`${name}: axe finds nothing, ${scheme}, ${viewport.width} wide`, async () => {
      // The policy would refuse the checker, which is no part of the page.
      const { page } = await open(name, { viewport, colorScheme: scheme, bypassCSP: true });
      await table(page, "principals-table");
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
      await page.locator('[data-table="principals-table"] button.open').first().click();
      await page.addScriptTag({ content: axe });
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      assert.ok(found.passes.length > 20, "the checker looked");
      const said = found.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
      assert.deepEqual(said, []);
      await page.context().close();
    });
  }
}

test("100,000 principals open in less than 3 seconds and are searched", async () => {
  // The best of three: another program on the machine is no fault of the page.
  const first = async (name) => {
    const began = performance.now();
    const { page, done } = await open(name);
    const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
    if (name === "large") await table(page, "principals-table");
    const usable = (performance.now() - began) / 1000;
    await done();
    return { usable, painted: painted / 1000 };
  };
  let [opened, painted] = [Infinity, Infinity];
  for (let attempt = 0; attempt < 3 && !(opened < OPEN_SECONDS_MAX && painted < OPEN_SECONDS_MAX); attempt += 1) {
    const took = await first("large");
    opened = Math.min(opened, took.usable);
    painted = Math.min(painted, took.painted);
  }
  const nothing = await first("empty");
  assert.ok(opened < OPEN_SECONDS_MAX && painted < OPEN_SECONDS_MAX, `painted after ${painted} s, usable after ${opened} s`);
  const { page, done } = await open("large");
  const principals = await table(page, "principals-table");
  assert.match(await principals.count.innerText(), /100.002 rows/);
  assert.equal(await principals.rows.count(), 50, "a page of rows");
  const asked = performance.now();
  await principals.search.fill("service-077777");
  await page.waitForFunction(() => document.querySelectorAll('[data-table="principals-table"] tbody > tr').length === 1);
  const found = (performance.now() - asked) / 1000;
  await principals.search.fill("");
  await principals.box.getByText("Page 1 of").waitFor();
  await principals.box.getByRole("button", { name: "Next" }).click();
  assert.match(await principals.box.locator(".pager").innerText(), /Page 2 of 2.001/);
  const size = statSync(join(folder, "large.html")).size / 1e6;
  console.log(`# 100,000 principals: ${size.toFixed(1)} MB, first paint after ${painted.toFixed(2)} s (${(painted / nothing.painted).toFixed(1)} times that of a page with nobody), usable after ${opened.toFixed(2)} s, searched in ${found.toFixed(2)} s`);
  await done();
});

test("screenshots, where they are wanted", { skip: !shots }, async () => {
  mkdirSync(shots, { recursive: true });
  for (const [form, viewport, colorScheme] of [["light", LAPTOP, "light"], ["dark", LAPTOP, "dark"], ["phone", PHONE, "light"]]) {
    const { page, done } = await open("demo", { viewport, colorScheme });
    for (const link of await page.locator("nav a").all()) {
      const target = await link.getAttribute("href");
      await page.locator(target).scrollIntoViewIfNeeded();
      await page.evaluate((id) => document.querySelector(id).scrollIntoView(), target);
      await page.waitForTimeout(150);
      await page.screenshot({ path: join(shots, `${form}-${target.slice(1)}.png`) });
    }
    await done();
  }
});
