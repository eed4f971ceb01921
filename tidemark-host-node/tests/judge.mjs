// Starts a host on the thread that imports this, and judges it: by its own checks (examples/checks.rs) and by the
// conformance suite. As the script of a worker it posts what it found.

import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { pathToFileURL } from "node:url";

import { startHost } from "../js/control.mjs";

export const CHECKS = [
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

export const CONFORMS = "the host conforms to the contract";

/// Returns what was wrong, by check: nothing, or a message.
export async function judge(folder, seed) {
  const base = pathToFileURL(`${folder}/`);
  const module = await WebAssembly.compile(await readFile(new URL("checks_bg.wasm", base)));
  const { glue, close } = await startHost({ glueUrl: new URL("checks.js", base), module });
  const found = new Map();
  for (const name of CHECKS) {
    found.set(name, await new Promise((done) => glue.check(name, done)));
  }
  found.set(CONFORMS, await new Promise((done) => glue.conform(seed, done)));
  await close();
  return found;
}

if (workerData?.judge !== undefined) {
  const { folder, seed } = workerData.judge;
  parentPort.postMessage(await judge(folder, seed));
}
