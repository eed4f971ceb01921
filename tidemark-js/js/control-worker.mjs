// The control worker: it has the threaded module, runs the host's control event loop, and serves the application's
// calls (connection.mjs).

import { readFile } from "node:fs/promises";
import { parentPort } from "node:worker_threads";

import { startHost } from "./host/control.mjs";

const GLUE = new URL("./wasm/tidemark.js", import.meta.url);
const MODULE = new URL("./wasm/tidemark_bg.wasm", import.meta.url);

let host;
let sandbox;
const children = new Map();

const child = (id) => {
  const found = children.get(id);
  if (found === undefined) {
    throw new TypeError(`no such program: ${id}`);
  }
  return found;
};

const methods = {
  async open() {
    const module = await WebAssembly.compile(await readFile(MODULE));
    host = await startHost({ glueUrl: GLUE, module });
  },

  create({ layers, workers, hostname }) {
    const config = new host.glue.SandboxConfig();
    layers.forEach((bytes, index) => config.addLayer(bytes, `layer ${index}`));
    if (workers !== undefined) config.setWorkers(workers);
    if (hostname !== undefined) config.setHostname(hostname);
    sandbox = host.glue.Sandbox.create(config);
  },

  async spawn({ argv, env, cwd, noStdin }) {
    const started = await sandbox.spawn(argv, env, cwd, noStdin);
    const id = children.size + 1;
    children.set(id, started);
    return { id, pid: started.pid };
  },

  read: ({ id, fd }) => child(id).read(fd),
  write: ({ id, bytes }) => child(id).write(bytes),
  closeInput: ({ id }) => child(id).closeInput(),
  closeOutput: ({ id, fd }) => child(id).closeOutput(fd),
  wait: ({ id }) => child(id).wait(),
  signal: ({ id, signal }) => child(id).signal(signal),
  shutdown: () => sandbox.shutdown(),
};

parentPort.on("message", async ({ number, method, parameters }) => {
  try {
    const value = await methods[method](parameters);
    // Bytes that were read are not needed here any more.
    parentPort.postMessage({ number, value }, value instanceof Uint8Array ? [value.buffer] : []);
  } catch (error) {
    const panic = error instanceof WebAssembly.RuntimeError ? host.glue.hostTakePanic() : undefined;
    const { name, message } = panic === undefined ? error : { name: "CrashedError", message: panic };
    parentPort.postMessage({ number, error: { name, message } });
  }
});
