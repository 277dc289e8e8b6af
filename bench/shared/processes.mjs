// Hubs and servers as processes of their own, and the processor time that they take.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientSession } from '@koji/client';

const program = fileURLToPath(new URL('../../packages/koji-hub/dist/bundle/main.js', import.meta.url));
export const admin = { user: 'kojiadmin', password: 'secret' };

/** Writes the configuration of a hub, and makes its database with one administrator. Returns the configuration's path. */
export function makeHub(folder, url, { name = 'hub', ...more } = {}) {
  const file = path.join(folder, `${name}.conf`);
  const values = {
    Database: url,
    KojiDir: path.join(folder, 'koji'),
    Listen: '127.0.0.1:0',
    LogFile: path.join(folder, `${name}.log`),
    ...more,
  };
  const lines = Object.entries(values).map(([option, value]) => `${option} = ${value}\n`);
  writeFileSync(file, `[hub]\n${lines.join('')}`);
  // The first process creates SQLite's database.
  const steps = url.startsWith('sqlite:') ? [] : [['migrate']];
  for (const args of [...steps, ['user', 'add', admin.user, '--admin', '--password', admin.password]]) {
    const done = spawnSync(process.execPath, [program, '--config', file, ...args], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(done.stderr);
  }
  return file;
}

/** Starts a Node.js program that prints "answers at URL". */
export async function startProgram(...args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    said += text;
    const [, url] = /answers at (\S+)/.exec(said) ?? [];
    if (url) return { child, url };
  }
  throw new Error(`it did not start: ${said}`);
}

/** Starts a hub by its configuration. */
export const startHub = (config) => startProgram(program, '--config', config);

export async function stopProgram(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Logs in and returns the headers of the new session. */
export async function sessionHeaders(url) {
  const session = new ClientSession(url);
  const login = await session.call('login', [admin.user, admin.password]);
  await session.close();
  return { 'Koji-Session-Id': login['session-id'], 'Koji-Session-Key': login['session-key'] };
}

/** The text after the name of a process in its line of /proc; null if it has ended. */
function statOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return null;
  }
}

/** A process and those below it. */
export function familyOf(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(statOf(name)?.[1] ?? 0)]);
  const found = [pid];
  for (const one of found)
    found.push(...parents.filter(([, parent]) => parent === one).map(([child]) => child));
  return found;
}

/** Milliseconds of processor time that processes and those below them took so far, with their children that have ended. */
export function processorTime(...pids) {
  const tick = 10; // milliseconds
  return pids
    .flatMap(familyOf)
    .map(statOf)
    .filter((fields) => fields !== null)
    .reduce(
      (sum, fields) => sum + fields.slice(11, 15).reduce((total, ticks) => total + Number(ticks), 0) * tick,
      0,
    );
}

/** Megabytes of memory that a process and those below it have now; what they share counts once. */
export function memoryOf(pid) {
  const kilobytes = familyOf(pid).map((one) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024;
}
