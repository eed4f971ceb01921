// The control event loop of a threaded Tidemark module, for Node: it starts the workers and drives control tasks.
//
// Runs on a worker of its own (the control worker), never on the application's main thread: Rust code that runs here
// may take a lock for a moment. It never blocks for longer, and sleeps in Atomics.waitAsync on one doorbell.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

const PAGE_BYTES = 65_536;

// What the module is linked to begin with; see `cargo xtask build node`.
const INITIAL_PAGES = 96;

// Address space is reserved in full when the memory is made, and not every machine allows all of it.
const MAXIMA_GIB = [4, 2, 1, 0.5];

// One less than 4 GiB: the memory's length, too, is a number of 32 bits to those who live in it.
const MAXIMUM_PAGES = 65_535;

const WORKER_SCRIPT = new URL("./worker.mjs", import.meta.url);

/// Makes the memory that all workers share: of 4 GiB at most, or of the most that this machine allows.
export function makeMemory() {
  let refused;
  for (const gib of MAXIMA_GIB) {
    const maximum = Math.min((gib * 2 ** 30) / PAGE_BYTES, MAXIMUM_PAGES);
    try {
      return { memory: new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true }), maximum };
    } catch (error) {
      refused = error;
    }
  }
  throw new Error(`no shared memory of ${MAXIMA_GIB.at(-1)} GiB or more`, { cause: refused });
}

/// Instantiates `module` on this thread, makes it the control worker, and starts the loop.
///
/// `glueUrl` is where the module's wasm-bindgen glue is; workers import it too. Returns the glue, whose exports may be
/// called until `close`, which ends the loop and all workers.
export async function startHost({ glueUrl, module, parallelism = availableParallelism() }) {
  const glue = await import(glueUrl);
  const { memory, maximum } = makeMemory();
  const exports = glue.initSync({ module, memory });
  const workers = new Set();
  const loop = { closed: false };

  const startWorker = (slot, stackBytes) => {
    const workerData = { glueUrl: String(glueUrl), module, memory, slot, stackBytes };
    const worker = new Worker(WORKER_SCRIPT, { workerData });
    let thrown;
    worker.on("error", (error) => {
      thrown = String(error?.message ?? error);
    });
    worker.on("exit", () => {
      workers.delete(worker);
      if (!loop.closed) {
        glue.hostWorkerEnded(slot, thrown);
      }
    });
    workers.add(worker);
  };

  const doorbell = glue.hostStart(parallelism, maximum * PAGE_BYTES) / Int32Array.BYTES_PER_ELEMENT;
  const words = new Int32Array(memory.buffer);

  const turn = () => {
    const stack = exports.__stack_pointer.value;
    try {
      return glue.hostTurn(startWorker);
    } catch (error) {
      // A panic or trap leaves the stack where it was.
      exports.__stack_pointer.value = stack;
      glue.hostTurnFailed(String(error?.message ?? error));
      return 0;
    }
  };

  const run = async () => {
    // Waiting asynchronously keeps no event loop alive; this does.
    const alive = setInterval(() => {}, 2 ** 31 - 1);
    while (!loop.closed) {
      const heard = Atomics.load(words, doorbell);
      const sleep = turn();
      const wait = Atomics.waitAsync(words, doorbell, heard, sleep);
      // Without a wait, still let the event loop have its messages and timers.
      await (wait.async ? wait.value : new Promise(setImmediate));
    }
    clearInterval(alive);
  };

  // A worker that is terminated keeps what it held, the allocator's lock perhaps: from here on nobody calls the module.
  const close = async () => {
    if (loop.closed) {
      return ended;
    }
    glue.hostClose();
    loop.closed = true;
    Atomics.add(words, doorbell, 1);
    Atomics.notify(words, doorbell);
    await Promise.all([ended, ...[...workers].map((worker) => worker.terminate())]);
  };

  const ended = run();
  return { glue, close };
}
