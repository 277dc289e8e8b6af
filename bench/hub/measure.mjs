// Measures calls at hubs: rates, times and processor time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { processorTime, startProgram, stopProgram } from '../shared/processes.mjs';

const local = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Sends requests from a process of its own and returns what it measured. */
export async function load(url, { connections = 1, seconds = 0, ...requests }) {
  const args = [local('load.mjs'), url, String(connections), String(seconds)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  child.stdin.end(JSON.stringify(requests));
  let text = '';
  for await (const part of child.stdout) text += part;
  const [status] = await ended;
  if (status !== 0) throw new Error(`the load of ${url} failed`);
  return JSON.parse(text);
}

/** The address of a call at a hub. */
const addressOf = (target, call) => (call.query ? `${target.url}?${call.query}` : target.url);

/** Measures one call at one hub, once. `pids` of the target are its processes, the database's included. */
async function measureOnce(target, call, seconds) {
  const request = { bodies: call.bodies(), size: call.size, connections: call.connections, seconds };
  const headers = call.isFree ? {} : target.headers;
  const before = processorTime(...target.pids);
  const done = await load(addressOf(target, call), { ...request, headers });
  if (done.faults > 0) throw new Error(`${call.name} at ${target.name} failed: ${done.firstFault}`);
  const cpu = target.pids.length > 0 ? (processorTime(...target.pids) - before) / done.count : null;
  return { ...done, cpu };
}

/** A server that does nothing but send answers of a length. */
async function startBare(bytes) {
  const { child, url } = await startProgram(local('bare.mjs'), String(bytes));
  return { name: 'bare', url, headers: {}, pids: [], stop: () => stopProgram(child) };
}

const byRate = (a, b) => a.rate - b.rate;
const median = (values, order) => values.toSorted(order)[Math.floor(values.length / 2)];

/**
 * Measures one call at all targets, one after the other and again in each round, so that what else the machine does meets all of
 * them. The last target is a bare server that sends as many bytes.
 *
 * @returns for each target the round whose rate is the median, with the median of the processor times
 */
export async function measureCall(targets, call, { seconds, rounds }) {
  const warm = {};
  for (const target of targets) warm[target.name] = await measureOnce(target, call, 0.4);
  const bare = await startBare(Math.max(1, warm[targets[0].name].bytes));
  try {
    const all = [...targets, bare];
    const found = Object.fromEntries(all.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++)
      for (const target of all) found[target.name].push(await measureOnce(target, call, seconds));
    return Object.fromEntries(
      Object.entries(found).map(([name, results]) => [
        name,
        {
          ...median(results, byRate),
          cpu: median(
            results.map(({ cpu }) => cpu),
            (a, b) => a - b,
          ),
        },
      ]),
    );
  } finally {
    await bare.stop();
  }
}
