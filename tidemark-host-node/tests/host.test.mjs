// The Node host's own checks (examples/checks.rs), each started by name in a host of real worker_threads.
//
// `cargo xtask build node` puts the compiled checks where TIDEMARK_CHECKS says.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { startHost } from "../js/control.mjs";

const folder = pathToFileURL(`${process.env.TIDEMARK_CHECKS}/`);

let host;

before(async () => {
  const module = await WebAssembly.compile(await readFile(new URL("checks_bg.wasm", folder)));
  host = await startHost({ glueUrl: new URL("checks.js", folder), module });
});

after(() => host.close());

const CHECKS = [
  "workers share one memory",
  "workers are reused",
  "a panic is reported",
  "a trap is reported",
  "a parked worker is woken",
  "a worker yields",
  "deadlines come",
  "the control loop does not block",
  "a panicking task ends alone",
  "a dropped wait passes its notification on",
];

for (const name of CHECKS) {
  test(name, { timeout: 60_000 }, async () => {
    const wrong = await new Promise((done) => host.glue.check(name, done));
    assert.equal(wrong, undefined);
  });
}
