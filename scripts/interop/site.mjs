// Shared by runs of Koji's own programs together with ours: Koji's source, its database, and programs that are started and
// ended.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { root } from '../setup.mjs';

export const admin = { user: 'kojiadmin', password: 'kojiadmin' };
export const builder = { user: 'builder', password: 'secret' };

/** The file of one of our programs. */
export const bundle = (name) => path.join(root, 'packages', name, 'dist/bundle/main.js');

/** Koji's source: a source tree as it is, or a commit of a git repository unpacked in `folder`; null, with a message, without one. */
export function unpackKoji(given, folder, ref = 'HEAD') {
  if (given !== '' && existsSync(path.join(given, 'builder/kojid'))) return path.resolve(given);
  const tree = path.join(folder, 'koji');
  mkdirSync(tree, { recursive: true });
  const unpack =
    'git -C "$1" archive "$2" builder cli docs koji kojihub plugins schemas util | tar x -C "$3"';
  // Until 1.33 the schema was in docs, later in schemas.
  const older = unpack.replace(' schemas', '');
  for (const script of given === '' ? [] : [unpack, older])
    if (spawnSync('bash', ['-o', 'pipefail', '-c', script, 'bash', given, ref, tree]).status === 0)
      return tree;
  console.error(
    `Koji's source ${given === '' ? 'is not named' : `is not in '${given}'`}. Name a source tree or a git repository of it by ` +
      '--koji or by KOJI_SOURCE: git clone https://pagure.io/koji',
  );
  return null;
}

/** Runs statements one after the other. */
export async function runSql(database, ...statements) {
  const client = new pg.Client(database);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Makes a database as Koji's schema makes it, with one admin. Returns its url. */
export async function makeKojiDatabase(postgres, name, upstream) {
  const url = `${postgres.url}${name}`;
  await runSql(`${postgres.url}postgres`, `CREATE DATABASE ${name}`);
  const schema = ['schemas', 'docs']
    .map((folder) => path.join(upstream, folder, 'schema.sql'))
    .find((file) => existsSync(file));
  await runSql(
    url,
    readFileSync(schema, 'utf8'),
    `INSERT INTO users (name, password, usertype, status) VALUES ('${admin.user}', '${admin.password}', 0, 0)`,
    "INSERT INTO user_perms (user_id, perm_id, creator_id) SELECT 1, id, 1 FROM permissions WHERE name = 'admin'",
  );
  return url;
}

/** Writes a file of one section. */
export function writeSettings(file, section, settings) {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(file, `[${section}]\n${lines.join('')}`);
}

/** Waits for a hub. */
export async function answering(url) {
  for (let i = 0; i < 300; i++) {
    const up = await fetch(`${url}/kojihub`).then(
      (reply) => reply.status === 405,
      () => false,
    );
    if (up) return;
    await sleep(200);
  }
  throw new Error(`${url} does not answer within 60 s`);
}

/** The words that start Koji's own hub. */
export function kojisHub({ python, upstream, config, port, store, tls }) {
  const server = path.join(root, 'scripts/interop/upstream_hub.py');
  const words = [python, server, '--source', upstream, '--config', config, '--port', String(port)];
  words.push('--topdir', store);
  return tls ? [...words, '--tls-port', String(tls.port), '--tls-folder', tls.folder] : words;
}

/** Programs that run beside this one. */
export class Programs {
  #children = [];

  constructor(env) {
    this.env = env;
  }

  /** Starts a program, whose output goes to a file of its folder. */
  start(folder, name, command) {
    const out = openSync(path.join(folder, `${name}.out`), 'a');
    const child = spawn(command[0], command.slice(1), {
      cwd: folder,
      env: this.env,
      stdio: ['ignore', out, out],
    });
    this.#children.push(child);
    return child;
  }

  async end(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  }

  async endAll() {
    await Promise.all(this.#children.splice(0).map((child) => this.end(child)));
  }
}
