// SARIF reports as Microsoft's own validator sees them: the schema, and what it knows that a schema cannot say.
//
// OVERGRANT_REPORTS is a folder with NAME.sarif. An error is a failure; warnings and notes are printed, but for rules that
// are about source code, which an identity system has none of.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { accessSync, chmodSync, constants, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";

const folder = process.env.OVERGRANT_REPORTS;
assert.ok(folder, "OVERGRANT_REPORTS names the folder of the reports");
const names = readdirSync(folder).filter((name) => name.endsWith(".sarif")).sort();
assert.ok(names.length > 3, `reports in ${folder}`);

const KINDS = { darwin: "darwin", linux: "linux", win32: "win32" };
const kind = KINDS[process.platform];
const here = kind && process.arch === "x64";
const skip = here ? false : `the multitool is not published for ${process.platform} on ${process.arch}`;

/** The program of the package; its installation is not allowed to run scripts, so what they would do is done here. */
function multitool() {
  const program = kind === "win32" ? "Sarif.Multitool.exe" : "Sarif.Multitool";
  const path = join(dirname(createRequire(import.meta.url).resolve(`@microsoft/sarif-multitool-${kind}/package.json`)), program);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, 0o755);
  }
  return path;
}

const scratch = mkdtempSync(join(tmpdir(), "overgrant-sarif-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** What the validator finds in a file: rule, level, text and place of each. */
function validated(path) {
  const output = join(scratch, "validated.sarif");
  const argv = ["validate", path, "--output", output, "--log", "ForceOverwrite", "--kind", "Fail", "--level", "Error;Warning;Note"];
  let said = "";
  try {
    // Without the system's tables of languages, which a container may not have.
    said = execFileSync(multitool(), argv, { encoding: "utf8", stdio: "pipe", env: { ...process.env, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: "1" } });
  } catch (error) {
    // It ends with 1 when it finds anything; without a log it did not run.
    said = `${error.message}\n${error.stdout}\n${error.stderr}`;
  }
  let log;
  try {
    log = JSON.parse(readFileSync(output, "utf8"));
  } catch {
    assert.fail(`the validator wrote nothing: ${said}`);
  }
  rmSync(output);
  const run = log.runs[0];
  const rules = run.tool.driver.rules ?? [];
  return (run.results ?? []).map((result) => {
    const rule = rules[result.ruleIndex] ?? rules.find((each) => each.id === result.ruleId);
    const text = result.message.text ?? rule?.messageStrings?.[result.message.id]?.text ?? "";
    const filled = text.replace(/\{(\d+)\}/g, (_, at) => result.message.arguments?.[at] ?? "");
    const region = result.locations?.[0]?.physicalLocation?.region;
    return { rule: result.ruleId, level: result.level ?? "warning", text: filled, line: region?.startLine };
  });
}

for (const name of names) {
  test(`${name}: the SARIF multitool finds no error`, { skip }, () => {
    const found = validated(join(folder, name));
    const tally = new Map();
    for (const each of found) tally.set(`${each.level} ${each.rule}`, (tally.get(`${each.level} ${each.rule}`) ?? 0) + 1);
    assert.ok(tally.has("note SARIF2003"), "it looked: a log that it cannot read has nothing wrong with it either");
    console.log(`${name}: ${[...tally].map(([rule, n]) => `${n} ${rule}`).join(", ") || "nothing"}`);
    const errors = found.filter((each) => each.level === "error");
    assert.deepEqual(errors.slice(0, 5), []);
  });
}

test("the SARIF multitool finds what is wrong", { skip }, () => {
  const path = join(scratch, "wrong.sarif");
  const log = JSON.parse(readFileSync(join(folder, "full.sarif"), "utf8"));
  log.runs[0].results[0].ruleIndex = 999;
  writeFileSync(path, JSON.stringify(log));
  assert.ok(validated(path).some((each) => each.level === "error"), "a check that cannot fail is none");
});
