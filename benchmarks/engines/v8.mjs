// Runs a wasip1 module in Node's V8. Start it with --no-liftoff --no-wasm-tier-up, so that TurboFan compiles everything
// before the program starts and no tiering happens inside a measurement.
//
//   node --no-warnings --no-liftoff --no-wasm-tier-up v8.mjs MODULE [ARG...]
//   AOTC_DIR=/path: preopen it as /;  the environment's PWD is passed on
import fs from 'node:fs';
import { WASI } from 'node:wasi';

const [file, ...args] = process.argv.slice(2);
const preopens = process.env.AOTC_DIR ? { '/': process.env.AOTC_DIR } : {};
const env = process.env.AOTC_DIR ? { PWD: process.env.PWD } : {};
const wasi = new WASI({ version: 'preview1', args: [file, ...args], env, preopens });
const module = await WebAssembly.compile(fs.readFileSync(file));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
