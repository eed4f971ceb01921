// The types of the package's interface.

/** What a sandbox is made of. */
export interface TidemarkOptions {
  /** The guest's files, lowest first: layer files or tar archives, as bytes. */
  layers?: Uint8Array[];
  /** How many workers run guest threads; one a core if not given. */
  workers?: number;
  /** The guest's host name. */
  hostname?: string;
}

/** How a program is started. */
export interface SpawnOptions {
  /** Its whole environment; a default one if not given. */
  env?: Record<string, string>;
  /** Its working directory in the guest. */
  cwd?: string;
  /** Where its input comes from: `Child.stdin`, or nowhere. */
  stdin?: "pipe" | "null";
}

/** How a program ended: one of the two is a number. */
export interface ExitStatus {
  code: number | null;
  signal: number | null;
}

/** How a program ended, and what it wrote. */
export interface Output extends ExitStatus {
  stdout: Uint8Array;
  stderr: Uint8Array;
}

/** A sandbox: one guest system with its files and processes. */
export class Tidemark {
  private constructor();
  /** Makes a sandbox. */
  static create(options?: TidemarkOptions): Promise<Tidemark>;
  /** Starts a program: a path in the guest, or a name to look up there. */
  spawn(program: string, args?: string[], options?: SpawnOptions): Promise<Child>;
  /** Ends the sandbox and everything in it, and frees its threads. */
  close(): Promise<void>;
}

/** A started program. */
export class Child {
  private constructor();
  /** Its process id in the guest. */
  readonly pid: number;
  /** Its standard input; closing it is the end of the file. */
  readonly stdin: WritableStream<Uint8Array | string>;
  /** Its standard output; cancelling it closes the pipe. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Its standard error. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Waits for its end. */
  wait(): Promise<ExitStatus>;
  /** Sends it a signal by number; SIGKILL if not given. */
  kill(signal?: number): Promise<void>;
  /** Closes its input, collects its output, and waits for its end. */
  output(): Promise<Output>;
}
