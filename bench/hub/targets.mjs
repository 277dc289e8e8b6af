// The hubs that are measured: ours on each database, Koji's on the same PostgreSQL, or any by its address.
import path from 'node:path';
import { mkdirSync } from 'node:fs';
import { ClientSession } from '@koji/client';
import { encodeCall } from '@koji/core/wire';
import { makeHub, sessionHeaders, startHub, stopProgram } from '../shared/processes.mjs';
import { fill } from './data.mjs';
import { startKoji } from './koji.mjs';
import { load } from './measure.mjs';

async function targetAt(name, url, { pids = [], hub = null, stop = async () => undefined, ...more }) {
  try {
    return { name, url, pids, hub, stop, headers: await sessionHeaders(url), ...more };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts our hub on a database. */
export async function startOurs(name, url, { folder, postgres, settings = {} }) {
  const here = path.join(folder, name);
  mkdirSync(here, { recursive: true });
  const config = makeHub(here, url, settings);
  await fill(here, url);
  const { child, url: at } = await startHub(config);
  const pids = postgres ? [child.pid, postgres.pid] : [child.pid];
  const target = await targetAt(name, at, { pids, hub: child.pid, stop: () => stopProgram(child) });
  await warm(target);
  return target;
}

/**
 * Lets a hub begin: each of Apache's processes loads Koji and connects to the database with its first request, and Node.js compiles
 * what runs often. Each hub gets the same.
 */
async function warm({ url, headers }) {
  const bodies = [encodeCall('getTag', ['bench'])];
  await load(url, { bodies, headers, connections: 12, seconds: 4 });
}

/** Starts Koji's hub. */
export async function startTheirs(source, { folder, postgres }) {
  const { url, pid, version, stop } = await startKoji({
    source,
    folder,
    server: postgres.url,
    fill: (database) => fill(folder, database),
  });
  const target = await targetAt('peer', url, { pids: [pid, postgres.pid], hub: pid, version, stop });
  await warm(target);
  return target;
}

/** A hub that runs already. */
export const peerAt = (url) => targetAt('peer', url, {});

/** A session of the library at a target, as its administrator. */
export async function sessionAt({ url }, { user, password }) {
  const session = new ClientSession(url);
  await session.login(user, password);
  return session;
}
