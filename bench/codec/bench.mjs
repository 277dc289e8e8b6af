// Decoding and encoding against Koji's own codec, in operations per CPU second, which other work on the machine distorts
// less than wall time. KOJI_PYTHON=<directory of the koji package> names the peer; without it Python's xmlrpc.client.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeCall,
  decodeResponse,
  encodeCall,
  encodeResponse,
  encodeResponseChunks,
} from '../../packages/koji-core/dist/wire/index.js';
import { payloads } from './payloads.mjs';

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 0.7);
const folder = mkdtempSync(join(tmpdir(), 'bench-codec-'));

function rate(action) {
  const start = process.cpuUsage();
  for (let count = 1; ; count++) {
    action();
    const { user, system } = process.cpuUsage(start);
    const spent = (user + system) / 1e6;
    if (spent >= seconds) return count / spent;
  }
}

function drain(chunks) {
  let length = 0;
  // As bytes, since that is what is sent, and since V8 would otherwise leave a chunk in pieces.
  for (const chunk of chunks) length += Buffer.from(chunk).length;
  return length;
}

function actions({ call, params, value }, body) {
  if (call !== undefined) {
    return { decode: () => decodeCall(body), encode: () => encodeCall(call, params) };
  }
  return {
    decode: () => decodeResponse(body),
    encode: () => encodeResponse(value),
    stream: () => drain(encodeResponseChunks(value)),
  };
}

function pickPython() {
  const modules = process.env.KOJI_PYTHON ? 'import six, defusedxml' : 'import xmlrpc.client';
  for (const python of [process.env.PYTHON, 'python3', '/usr/bin/python3'].filter(Boolean)) {
    try {
      execFileSync(python, ['-c', modules], { stdio: 'ignore' });
      return python;
    } catch {
      continue;
    }
  }
  console.error(
    `No python3 can '${modules}'. Debian: apt-get install python3 python3-six python3-defusedxml`,
  );
  process.exit(1);
}

function peer(python, files) {
  const script = new URL('peer.py', import.meta.url).pathname;
  const output = execFileSync(python, [script, String(seconds), ...files], { encoding: 'utf8' });
  return output.trim().split('\n').map(JSON.parse);
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const shown = (number) => (number >= 1000 ? Math.round(number).toLocaleString('en') : number.toPrecision(3));

function main() {
  const python = pickPython();
  const names = Object.keys(payloads);
  const file = (name) => join(folder, name);
  const results = Object.fromEntries(names.map((name) => [name, {}]));
  const note = (name, what, value) => (results[name][what] ??= []).push(value);
  const bodies = {};
  for (const name of names) {
    const { call, params, value } = payloads[name];
    bodies[name] = Buffer.from(call === undefined ? encodeResponse(value) : encodeCall(call, params));
    writeFileSync(file(name), bodies[name]);
  }
  let peerName = '';
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      for (const [what, action] of Object.entries(actions(payloads[name], bodies[name]))) {
        rate(action);
        note(name, what, rate(action));
      }
      const [answer] = peer(python, [file(name)]);
      peerName = answer.peer;
      note(name, 'loads', answer.loads);
      if (answer.dumps !== null) note(name, 'dumps', answer.dumps);
    }
  }
  report(peerName, names, results, (name) => {
    const ours = bodies[name].toString();
    return results[name].dumps ? ours === readFileSync(`${file(name)}.peer`, 'utf8') : undefined;
  });
}

function report(peerName, names, results, isSame) {
  console.log(`peer: ${peerName}; operations per CPU second, median of ${rounds}; (x) = times the peer\n`);
  if (!process.env.KOJI_PYTHON) console.log("KOJI_PYTHON is not set: this is not Koji's own codec.\n");
  const rows = names.map((name) => {
    const of = (what) => (results[name][what] ? median(results[name][what]) : undefined);
    const cell = (what, base) => {
      const [ours, theirs] = [of(what), of(base)];
      if (ours === undefined) return '';
      return theirs === undefined ? shown(ours) : `${shown(ours)} (${(ours / theirs).toFixed(1)}x)`;
    };
    const same = isSame(name);
    return {
      payload: name,
      decode: cell('decode', 'loads'),
      'encode, one string': cell('encode', 'dumps'),
      'encode, chunks': cell('stream', 'dumps'),
      'same bytes': same === undefined ? '' : same ? 'yes' : 'NO',
    };
  });
  console.table(rows);
  if (rows.some((row) => row['same bytes'] === 'NO')) process.exitCode = 1;
}

try {
  main();
} finally {
  rmSync(folder, { recursive: true });
}
