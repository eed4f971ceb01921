// Calls to the control worker: numbered messages, each answered by one with the same number.

import { Worker } from "node:worker_threads";

const SCRIPT = new URL("./control-worker.mjs", import.meta.url);

export class Connection {
  #worker;
  #calls = new Map();
  #last = 0;
  #ended;

  /// Starts a control worker and resolves when it has the module.
  static async open() {
    const connection = new Connection();
    await connection.call("open");
    return connection;
  }

  constructor() {
    this.#worker = new Worker(SCRIPT);
    this.#worker.on("message", ({ number, value, error }) => {
      const call = this.#calls.get(number);
      this.#calls.delete(number);
      if (error) {
        call?.reject(Object.assign(new Error(error.message), { name: error.name }));
      } else {
        call?.resolve(value);
      }
    });
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(new Error("the control worker has ended")));
  }

  /// Has the control worker do something.
  call(method, parameters = {}) {
    if (this.#ended) {
      return Promise.reject(this.#ended);
    }
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#calls.set(number, { resolve, reject });
      this.#worker.postMessage({ number, method, parameters });
    });
  }

  /// Ends the control worker and, with it, all workers that it started: Node ends a worker's own workers.
  async close() {
    await this.#worker.terminate();
  }

  #end(error) {
    this.#ended ??= Object.assign(error, { name: "CrashedError" });
    for (const { reject } of this.#calls.values()) {
      reject(this.#ended);
    }
    this.#calls.clear();
  }
}
