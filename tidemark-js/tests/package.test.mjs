// The npm package, as an application and a user at a prompt have it, on real Debian and test programs.
//
// `cargo xtask test` says where they are: TIDEMARK_PACKAGE the built package, TIDEMARK_BUSYBOX Debian's riscv64 busybox,
// TIDEMARK_GUESTS the compiled guest programs.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

const { TIDEMARK_PACKAGE: PACKAGE, TIDEMARK_BUSYBOX: BUSYBOX, TIDEMARK_GUESTS: GUESTS } = process.env;

const { Tidemark } = await import(pathToFileURL(join(PACKAGE, "index.mjs")));

const TIME_LIMIT = { timeout: 60_000 };
const CLOSED_SANDBOXES = 50;
const text = (bytes) => new TextDecoder().decode(bytes);

let scratch;
let archive;

before(() => {
  scratch = mkdtempSync(join(tmpdir(), "tidemark-test-"));
  const root = join(scratch, "root");
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "tmp"));
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  symlinkSync("busybox", join(root, "bin/sh"));
  copyFileSync(join(GUESTS, "bench/twothreads"), join(root, "bin/twothreads"));
  archive = join(scratch, "root.tar");
  execFileSync("tar", ["-C", root, "-cf", archive, "."]);
});

after(() => rmSync(scratch, { recursive: true }));

async function sandbox(work) {
  const tidemark = await Tidemark.create({ layers: [readFileSync(archive)] });
  try {
    return await work(tidemark);
  } finally {
    await tidemark.close();
  }
}

test("busybox runs, with pipes between its processes", TIME_LIMIT, () =>
  sandbox(async (tidemark) => {
    const script = "uname -m; busybox seq 5 | busybox sort -r";
    const child = await tidemark.spawn("busybox", ["sh", "-c", script]);
    const { code, signal, stdout, stderr } = await child.output();
    assert.deepEqual([code, signal, text(stdout), text(stderr)], [0, null, "riscv64\n5\n4\n3\n2\n1\n", ""]);
  }));

test("two busy threads of a guest run", TIME_LIMIT, () =>
  sandbox(async (tidemark) => {
    const { code, stdout } = await (await tidemark.spawn("/bin/twothreads")).output();
    const expected = readFileSync(new URL("../../tests/guests/bench/twothreads.expected", import.meta.url), "utf8");
    assert.equal(`${text(stdout)}exit ${code}\n`, expected);
  }));

test("input, its end, and output pass through byte for byte", TIME_LIMIT, () =>
  sandbox(async (tidemark) => {
    const sent = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
    const child = await tidemark.spawn("busybox", ["cat"]);
    const received = new Response(child.stdout).arrayBuffer();
    const writer = child.stdin.getWriter();
    await writer.write(sent);
    await writer.close();
    assert.deepEqual(new Uint8Array(await received), sent);
    assert.deepEqual(await child.wait(), { code: 0, signal: null });
  }));

test("an exit code, a signal and what cannot be started are told apart", TIME_LIMIT, () =>
  sandbox(async (tidemark) => {
    const exits = await tidemark.spawn("sh", ["-c", "exit 7"]);
    assert.deepEqual(await exits.wait(), { code: 7, signal: null });
    const sleeps = await tidemark.spawn("busybox", ["sleep", "1000"]);
    await sleeps.kill();
    assert.deepEqual(await sleeps.wait(), { code: null, signal: 9 });
    await assert.rejects(tidemark.spawn("no-such-program"), { name: "SpawnError" });
  }));

test("environment and working directory are the caller's", TIME_LIMIT, () =>
  sandbox(async (tidemark) => {
    const options = { env: { PATH: "/bin", COLOUR: "teal = #008080" }, cwd: "/tmp" };
    const { stdout } = await (await tidemark.spawn("sh", ["-c", "echo $COLOUR; pwd"], options)).output();
    assert.equal(text(stdout), "teal = #008080\n/tmp\n");
  }));

test("a reader that stops reading ends the writer", TIME_LIMIT, () =>
  sandbox(async (tidemark) => {
    const SIGPIPE = 13;
    const child = await tidemark.spawn("busybox", ["yes"]);
    const reader = child.stdout.getReader();
    assert.match(text((await reader.read()).value), /^y\n/);
    await reader.cancel();
    assert.deepEqual(await child.wait(), { code: null, signal: SIGPIPE });
  }));

test("what is no archive is refused, and two sandboxes don't meet", TIME_LIMIT, async () => {
  await assert.rejects(Tidemark.create({ layers: [new TextEncoder().encode("neither tar nor layer")] }), {
    name: "LayerError",
  });
  await sandbox((one) =>
    sandbox(async (other) => {
      await (await one.spawn("sh", ["-c", "echo here > /tmp/file"])).output();
      const { stdout } = await (await other.spawn("busybox", ["ls", "/tmp"])).output();
      assert.equal(text(stdout), "");
    }),
  );
});

async function command(args, input = "") {
  const child = spawn(process.execPath, [join(PACKAGE, "bin.mjs"), ...args]);
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => new Response(ReadableStream.from(stream)).text());
  child.stdin.end(input);
  const [code] = await once(child, "exit");
  return { code, stdout: await stdout, stderr: await stderr };
}

// Their threads end wherever they are, also with a lock in hand; nobody may wait for it then.
test("sandboxes close, one after the other, whatever their threads are doing", TIME_LIMIT, async () => {
  for (let round = 0; round < CLOSED_SANDBOXES; round += 1) {
    await sandbox(async (tidemark) => {
      const child = await tidemark.spawn("busybox", ["sh", "-c", "busybox seq 2000 | busybox wc -l"], { stdin: "null" });
      const end = round % 2 === 0 ? child.wait() : child.stdout.getReader().read();
      assert.ok(await end);
    });
  }
});

test("the command passes streams and the exit code on", TIME_LIMIT, async () => {
  const run = ["run", "--rootfs", archive, "--"];
  const script = "read line; echo got $line; echo wrong >&2; exit 3";
  const ended = await command([...run, "busybox", "sh", "-c", script], "input\n");
  assert.deepEqual(ended, { code: 3, stdout: "got input\n", stderr: "wrong\n" });
  assert.equal((await command([...run, "sh", "-c", "kill -TERM $$"])).code, 128 + 15);
  const missing = await command([...run, "no-such-program"]);
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /no-such-program/);
  assert.equal((await command(["run"])).code, 2);
});
