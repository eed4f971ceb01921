// Measures one program in Node, from its start to its end in a sandbox that is already there: starting Node and
// compiling the module are an application's cost, not a program's. For `cargo xtask bench`.
//
//   node measure.mjs PACKAGE ARCHIVE PROGRAM [ARG]...

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packageFolder, archive, program, ...args] = process.argv.slice(2);
const { Tidemark } = await import(pathToFileURL(join(packageFolder, "index.mjs")));

const tidemark = await Tidemark.create({ layers: [readFileSync(archive)] });
const started = performance.now();
const child = await tidemark.spawn(program, args);
const { code, signal, stdout } = await child.output();
const seconds = (performance.now() - started) / 1000;
await tidemark.close();

if (code !== 0) {
  console.error(`${program} ended with ${signal === null ? `code ${code}` : `signal ${signal}`}`);
  process.exit(1);
}
const printed = new TextDecoder().decode(stdout);
process.stdout.write(/^bench: /m.test(printed) ? printed : `bench: run ${seconds} s\n`);
