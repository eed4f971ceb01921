// One worker of the pool: a thread that instantiates the module over the shared memory and runs what its slot is given.

import { workerData } from "node:worker_threads";

const { glueUrl, module, memory, slot, stackBytes } = workerData;

const glue = await import(glueUrl);
glue.initSync({ module, memory, thread_stack_size: stackBytes });

// A panic or trap is thrown out of here, ends the thread, and is reported by the control worker.
while (glue.workerServe(slot)) {
  await new Promise(setImmediate);
}
