// Drives a static guest to its end by the kernel's own exports: plain JavaScript, no host crate, one imported memory.
//
// TIDEMARK_KERNEL: the module that `cargo xtask build kernel` makes. TIDEMARK_GUESTS: the compiled guest programs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

const INPUT = { dispatch: 0, trap: 1, resume: 2, preempt: 3, tick: 4 };
const OUTPUT = { released: 0, run: 1, again: 2, refused: 3 };
const TOLD = { runnable: 1, exited: 2 };
const NEVER = 0xffff_ffff_ffff_ffffn;
/** Instructions in one go. */
const SLICE = 1_000_000n;
/** 2025-01-01, in nanoseconds since 1970. */
const EPOCH = 1_735_689_600_000_000_000n;

const module = new WebAssembly.Module(readFileSync(process.env.TIDEMARK_KERNEL));
const guests = process.env.TIDEMARK_GUESTS;

/** A kernel in an instance of its own, with virtual time. */
class Machine {
  constructor(pages = 512) {
    const memory = WebAssembly.Module.imports(module).find(({ kind }) => kind === "memory");
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: 65_536 });
    this.exports = new WebAssembly.Instance(module, { [memory.module]: { [memory.name]: this.memory } }).exports;
    this.now = 1_000_000n;
    const seed = this.put(Uint8Array.from({ length: 32 }, (_, index) => index));
    this.handle = this.exports.tidemark_create(seed, ...this.moment());
    assert.notEqual(this.handle, 0);
  }

  moment() {
    return [this.now, EPOCH + this.now];
  }

  /** Copies bytes into the module's memory. */
  put(bytes) {
    const address = this.exports.tidemark_allocate(bytes.length);
    assert.notEqual(address, 0);
    new Uint8Array(this.memory.buffer, address, bytes.length).set(bytes);
    return address;
  }

  load(file, ...names) {
    const list = new TextEncoder().encode(names.map((name) => `${name}\0`).join(""));
    return this.exports.tidemark_load(
      this.handle, this.put(file), file.length, this.put(list), list.length, ...this.moment(),
    );
  }

  /** Runs until the program `pid` has ended; `{code, signal, stdout}`. */
  finish(pid) {
    const stdout = this.exports.tidemark_stream(this.handle, 1);
    const [runnable, chunks] = [[], []];
    for (;;) {
      const ended = this.drain(runnable, pid);
      this.read(stdout, chunks);
      if (ended) return { ...ended, stdout: Buffer.concat(chunks).toString() };
      const tid = runnable.shift();
      if (tid === undefined) this.sleep();
      else this.turn(tid);
    }
  }

  drain(runnable, pid) {
    for (let at; (at = this.exports.tidemark_drain(this.handle)) !== 0; ) {
      const [told, id, code, signal] = new Int32Array(this.memory.buffer, at, 4);
      if (told === TOLD.runnable) runnable.push(id);
      if (told === TOLD.exited && id === pid) return { code, signal };
    }
    return undefined;
  }

  /** A thread has the worker until it waits. */
  turn(tid) {
    let output = this.input(INPUT.dispatch, tid);
    while (output !== OUTPUT.released) {
      assert.notEqual(output, OUTPUT.refused);
      if (output === OUTPUT.run) {
        assert.equal(this.exports.tidemark_run(this.handle, SLICE), 1);
        this.now += 1000n;
        output = this.input(INPUT.trap, 0);
      } else {
        output = this.input(INPUT.resume, 0);
      }
    }
  }

  input(kind, argument) {
    return this.exports.tidemark_handle(this.handle, kind, argument, ...this.moment());
  }

  sleep() {
    const deadline = BigInt.asUintN(64, this.exports.tidemark_deadline(this.handle));
    assert.notEqual(deadline, NEVER, "nobody can run and no deadline will come");
    if (deadline > this.now) this.now = deadline;
    this.input(INPUT.tick, 0);
  }

  read(stream, chunks) {
    const [bytes, address] = [65_536, (this.buffer ??= this.put(new Uint8Array(65_536)))];
    for (let count; (count = this.exports.tidemark_read(this.handle, stream, address, bytes, ...this.moment())) > 0; ) {
      chunks.push(Buffer.from(new Uint8Array(this.memory.buffer, address, count)));
    }
  }
}

test("the module imports its memory and nothing else", () => {
  const imports = WebAssembly.Module.imports(module);
  assert.deepEqual(imports.map(({ kind }) => kind), ["memory"]);
});

test("the module exports create, load, run, handle and drain", () => {
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  for (const name of ["create", "load", "run", "handle", "drain", "deadline", "read", "destroy"]) {
    assert.ok(names.includes(`tidemark_${name}`), name);
  }
});

for (const name of ["bench/pingpong", "files/pipes", "processes/fork", "time/timers", "futex/pthreads"]) {
  test(`${name} ends as on Linux`, () => {
    const machine = new Machine();
    const pid = machine.load(readFileSync(join(guests, name)), name.split("/")[1], ...argumentsOf(name));
    assert.ok(pid > 0, `load answers ${pid}`);
    const { code, signal, stdout } = machine.finish(pid);
    const ended = signal === 0 ? `exit ${code}` : `signal ${signal}`;
    const lines = stdout === "" || stdout.endsWith("\n") ? stdout : `${stdout}\n`;
    assert.equal(`${lines}${ended}\n`, readFileSync(expectedOf(name), "utf8"));
    machine.exports.tidemark_destroy(machine.handle);
  });
}

test("what is no program is refused with an errno", () => {
  const machine = new Machine();
  const ENOEXEC = 8;
  assert.equal(machine.load(new TextEncoder().encode("\x7fELF of nothing"), "x"), -ENOEXEC);
});

test("an input that makes no sense is refused, and nothing has changed", () => {
  const machine = new Machine();
  for (const kind of [INPUT.trap, INPUT.resume, INPUT.preempt, 17]) {
    assert.equal(machine.input(kind, 0), OUTPUT.refused);
  }
  assert.equal(machine.exports.tidemark_run(machine.handle, SLICE), 0);
  assert.equal(machine.input(INPUT.dispatch, 12345), OUTPUT.released);
});

function sourceOf(name) {
  return new URL(`../../tests/guests/${name}.c`, import.meta.url);
}

function expectedOf(name) {
  return new URL(`../../tests/guests/${name}.expected`, import.meta.url);
}

/** What the program's `// args:` line says. */
function argumentsOf(name) {
  const found = /^\/\/ args: (.*)$/m.exec(readFileSync(sourceOf(name), "utf8"));
  return found ? found[1].trim().split(/\s+/) : [];
}
