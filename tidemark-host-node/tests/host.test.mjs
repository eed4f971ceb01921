// The Node host is judged with its control event loop on the main thread, and on a worker, where applications have it.
//
// `cargo xtask build node` puts the compiled checks where TIDEMARK_CHECKS says.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { CHECKS, CONFORMS, judge } from "./judge.mjs";

const folder = process.env.TIDEMARK_CHECKS;
const TIME_LIMIT_MS = 120_000;

async function onWorker(seed) {
  const worker = new Worker(new URL("./judge.mjs", import.meta.url), { workerData: { judge: { folder, seed } } });
  // Both are listened for from the start: the end may follow the message before anybody goes on.
  const [[found]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  return found;
}

const places = { "on the main thread": () => judge(folder, 1n), "on a worker": () => onWorker(2n) };

for (const [place, run] of Object.entries(places)) {
  test(place, { timeout: TIME_LIMIT_MS }, async (context) => {
    const found = await run();
    for (const name of [...CHECKS, CONFORMS]) {
      await context.test(name, () => {
        assert.ok(found.has(name), "it did not run");
        assert.equal(found.get(name), undefined);
      });
    }
  });
}
