// The litmus guests in Node: two threads of a guest against each other, on workers that truly run at once. Natively they
// are the business of tidemark-tests; tests/guests/README.md tells the conventions.
//
// `cargo xtask test` says where things are: TIDEMARK_PACKAGE the built package, TIDEMARK_GUESTS the compiled programs.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const { TIDEMARK_PACKAGE: PACKAGE, TIDEMARK_GUESTS: GUESTS } = process.env;

const FAMILY = "litmus";
const SOURCES = fileURLToPath(new URL(`../../tests/guests/${FAMILY}`, import.meta.url));
const TIME_LIMIT = { timeout: 120_000 };
const RUN_LIMIT_MS = 100_000;

let scratch;

before(() => {
  scratch = mkdtempSync(join(tmpdir(), "tidemark-litmus-"));
  const file = join(scratch, "guests.tar");
  execFileSync("tar", ["-C", GUESTS, "-cf", file, FAMILY]);
});

after(() => rmSync(scratch, { recursive: true }));

const names = readdirSync(SOURCES)
  .filter((file) => file.endsWith(".expected"))
  .map((file) => file.slice(0, -".expected".length));

test("there are litmus programs", () => assert.ok(names.length > 0));

function run(name) {
  const command = [join(PACKAGE, "bin.mjs"), "run", "--rootfs", join(scratch, "guests.tar"), "--", `/${FAMILY}/${name}`];
  return spawnSync(process.execPath, command, { encoding: "utf8", timeout: RUN_LIMIT_MS, killSignal: "SIGKILL" });
}

for (const name of names) {
  test(name, TIME_LIMIT, () => {
    const expected = readFileSync(join(SOURCES, `${name}.expected`), "utf8");
    const result = run(name);
    assert.equal(result.error, undefined);
    const end = result.status > 128 ? `signal ${result.status - 128}` : `exit ${result.status}`;
    assert.equal(`${result.stdout}${end}\n`, expected);
  });
}
