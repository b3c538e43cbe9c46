// Makes the picture of the report that the README shows: the first screen of a page, in light, on a laptop.
//
//   cargo run --release -- scan datasets/demo --as-of 2026-11-22 && cargo run --release -- report html -o report.html
//   cd tests/browser && npm ci && npm run picture -- ../../report.html ../../docs/images/report.png

import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const BYTES_MAX = 200_000;
const [report, picture] = process.argv.slice(2);
if (!report || !picture) {
  console.error("usage: npm run picture -- REPORT.html PICTURE.png");
  process.exit(2);
}
const executablePath =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--font-render-hinting=none"] });
const page = await browser.newPage({ viewport: { width: 1366, height: 1004 }, colorScheme: "light", reducedMotion: "reduce" });
await page.goto(pathToFileURL(resolve(report)).href);
mkdirSync(dirname(picture), { recursive: true });
await page.screenshot({ path: picture });
await browser.close();
const { size } = statSync(picture);
if (size > BYTES_MAX) {
  console.error(`${picture} has ${size} bytes; at most ${BYTES_MAX} are for a README`);
  process.exit(1);
}
console.log(`${picture}: ${size} bytes`);
