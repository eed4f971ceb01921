// The package's interface: sandboxes and the programs in them, with web streams.
//
// Runs on the application's thread and instantiates nothing there: every call is a message to the control worker
// (control-worker.mjs), which has the module, so an application's event loop is never held up by a guest.

import { Connection } from "./connection.mjs";

const SIGKILL = 9;

/// A sandbox: one guest system with its files and processes.
export class Tidemark {
  #connection;

  /// Use `Tidemark.create`.
  constructor(connection) {
    this.#connection = connection;
  }

  /// Makes a sandbox. `options.layers` are the guest's files, lowest first: layer files or tar archives, as bytes.
  static async create({ layers = [], workers, hostname } = {}) {
    const connection = await Connection.open();
    try {
      await connection.call("create", { layers, workers, hostname });
    } catch (error) {
      await connection.close();
      throw error;
    }
    return new Tidemark(connection);
  }

  /// Starts `program`, a path in the guest or a name to look up there. Resolves once it runs.
  async spawn(program, args = [], { env, cwd, stdin = "pipe" } = {}) {
    const variables = env && Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const argv = [program, ...args];
    const started = await this.#connection.call("spawn", { argv, env: variables, cwd, noStdin: stdin === "null" });
    return new Child(this.#connection, started);
  }

  /// Ends the sandbox and everything in it, and frees its threads.
  async close() {
    await this.#connection.call("shutdown").catch(() => {});
    await this.#connection.close();
  }
}

/// A started program.
export class Child {
  #connection;
  #id;

  /// Its process id in the guest.
  pid;
  /// A WritableStream of bytes; closing it is the end of the file.
  stdin;
  /// A ReadableStream of bytes; cancelling it closes the pipe.
  stdout;
  /// As stdout.
  stderr;

  /// Use `Tidemark.spawn`.
  constructor(connection, { id, pid }) {
    this.#connection = connection;
    this.#id = id;
    this.pid = pid;
    this.stdin = new WritableStream({
      write: (bytes) => this.#call("write", { bytes: typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes }),
      close: () => this.#call("closeInput"),
      abort: () => this.#call("closeInput"),
    });
    this.stdout = this.#output(1);
    this.stderr = this.#output(2);
  }

  /// Resolves to `{ code, signal }` when it has ended: one of them a number, the other null.
  wait() {
    return this.#call("wait");
  }

  /// Sends it a signal by number.
  kill(signal = SIGKILL) {
    return this.#call("signal", { signal });
  }

  /// Closes its input, collects its output, and waits for its end.
  async output() {
    const [stdout, stderr] = [new Response(this.stdout).arrayBuffer(), new Response(this.stderr).arrayBuffer()];
    await this.stdin.close();
    return { ...(await this.wait()), stdout: new Uint8Array(await stdout), stderr: new Uint8Array(await stderr) };
  }

  #call(method, parameters) {
    return this.#connection.call(method, { id: this.#id, ...parameters });
  }

  #output(fd) {
    const source = {
      type: "bytes",
      pull: async (controller) => {
        const bytes = await this.#call("read", { fd });
        if (bytes !== undefined) {
          controller.enqueue(bytes);
          return;
        }
        controller.close();
        // A reader with a buffer of its own is answered only so (Streams, "respond").
        controller.byobRequest?.respond(0);
      },
      cancel: () => this.#call("closeOutput", { fd }),
    };
    // Nothing is read ahead: what nobody wants stays in the guest's pipe.
    return new ReadableStream(source, { highWaterMark: 0 });
  }
}
