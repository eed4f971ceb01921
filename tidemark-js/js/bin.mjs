#!/usr/bin/env node
// `tidemark run`: runs a program of a layer file or an archive, with this process's standard streams.

import { readFile } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import { parseArgs } from "node:util";

import { Tidemark } from "./index.mjs";

const USAGE = `usage: tidemark run [--layer FILE]... [--rootfs TAR] [--env NAME=VALUE]... [--cwd DIR] -- PROGRAM [ARG]...`;

const USAGE_ERROR = 2;
const FAILURE = 125;
const SIGNAL_BASE = 128;

function arguments_() {
  const options = {
    layer: { type: "string", multiple: true, default: [] },
    rootfs: { type: "string" },
    env: { type: "string", multiple: true },
    cwd: { type: "string" },
    help: { type: "boolean" },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, ...argv] = positionals;
  if (values.help) {
    return undefined;
  }
  if (command !== "run" || argv.length === 0) {
    throw new TypeError("nothing to run");
  }
  return { ...values, argv };
}

async function run({ layer, rootfs, env, cwd, argv }) {
  const files = [...(rootfs === undefined ? [] : [rootfs]), ...layer];
  const tidemark = await Tidemark.create({ layers: await Promise.all(files.map((file) => readFile(file))) });
  try {
    const environment = env && Object.fromEntries(env.map((variable) => variable.split(/=(.*)/s, 2)));
    const [program, ...args] = argv;
    return await attach(await tidemark.spawn(program, args, { env: environment, cwd }));
  } finally {
    await tidemark.close();
  }
}

/// Joins a program's streams with this process's, and resolves to what a shell would say of its end.
async function attach(child) {
  // A guest that stops reading is no failure of ours; neither is a reader that stops reading us.
  Readable.toWeb(process.stdin).pipeTo(child.stdin).catch(() => {});
  const output = (stream, to) => stream.pipeTo(Writable.toWeb(to), { preventClose: true }).catch(() => {});
  const outputs = [output(child.stdout, process.stdout), output(child.stderr, process.stderr)];
  const { code, signal } = await child.wait();
  await Promise.all(outputs);
  return code ?? SIGNAL_BASE + signal;
}

let options;
try {
  options = arguments_();
} catch (error) {
  console.error(`tidemark: ${error.message}\n${USAGE}`);
  process.exit(USAGE_ERROR);
}
if (options === undefined) {
  console.log(USAGE);
  process.exit(0);
}
try {
  process.exitCode = await run(options);
} catch (error) {
  console.error(`tidemark: ${error.message}`);
  process.exitCode = FAILURE;
}
// Standard input may still be open: nobody waits for it.
process.stdin.unref?.();
process.stdin.destroy();
