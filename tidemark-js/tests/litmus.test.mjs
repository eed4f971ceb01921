// The litmus guests in Node: two threads of a guest against each other, on workers that truly run at once. Natively they
// are the business of tidemark-tests; tests/guests/README.md tells the conventions.
//
// `cargo xtask test` says where things are: TIDEMARK_PACKAGE the built package, TIDEMARK_GUESTS the compiled programs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const { TIDEMARK_PACKAGE: PACKAGE, TIDEMARK_GUESTS: GUESTS } = process.env;
const { Tidemark } = await import(pathToFileURL(join(PACKAGE, "index.mjs")));

const FAMILY = "litmus";
const SOURCES = fileURLToPath(new URL(`../../tests/guests/${FAMILY}`, import.meta.url));
const TIME_LIMIT = { timeout: 120_000 };

let scratch;
let archive;

before(() => {
  scratch = mkdtempSync(join(tmpdir(), "tidemark-litmus-"));
  const file = join(scratch, "guests.tar");
  execFileSync("tar", ["-C", GUESTS, "-cf", file, FAMILY]);
  archive = readFileSync(file);
});

after(() => rmSync(scratch, { recursive: true }));

const names = readdirSync(SOURCES)
  .filter((file) => file.endsWith(".expected"))
  .map((file) => file.slice(0, -".expected".length));

test("there are litmus programs", () => assert.ok(names.length > 0));

for (const name of names) {
  test(name, TIME_LIMIT, async () => {
    const expected = readFileSync(join(SOURCES, `${name}.expected`), "utf8");
    const tidemark = await Tidemark.create({ layers: [archive], workers: 2 });
    try {
      const child = await tidemark.spawn(`/${FAMILY}/${name}`);
      const { code, signal, stdout } = await child.output();
      const end = signal === null ? `exit ${code}` : `signal ${signal}`;
      assert.equal(`${new TextDecoder().decode(stdout)}${end}\n`, expected);
    } finally {
      await tidemark.close();
    }
  });
}
