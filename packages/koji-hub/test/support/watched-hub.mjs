// A hub in a process of its own that tells over IPC how long its event loop was held up between two questions: `delay`, in
// milliseconds as the clock has them, and `slice`, in milliseconds of its own processor time. Asked for its `pace`, it tells how
// many times as much processor time the machine takes now as one that limits are written for: with memory and caches that others
// use too, the same work takes several times as much.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, folder, url] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(dist, name)).href);
const { makeConfig } = await load('config.js');
const { startHub } = await load('hub.js');

/** Milliseconds of processor time of the main thread. */
function threadTime() {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

const sample = JSON.stringify(
  Array.from({ length: 20_000 }, (_, id) => ({ id, name: `name-${id}`, tags: [id, id + 1] })),
);
/** Milliseconds of processor time for which the sample is read and written on a machine that limits are written for. */
const usual = 15;

function pace() {
  const times = Array.from({ length: 3 }, () => {
    const began = threadTime();
    JSON.stringify(JSON.parse(sample));
    return threadTime() - began;
  });
  return Math.max(1, Math.min(...times) / usual);
}

const values = { Database: url, KojiDir: 'store', Listen: '127.0.0.1:0', LogFile: 'hub.log' };
const hub = await startHub(makeConfig(folder, values));
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
let slice = 0;
let before = threadTime();
// Work between two turns of the timer ran without a break, or in turns of the loop that are shorter than one of its own.
setInterval(() => {
  const now = threadTime();
  slice = Math.max(slice, now - before);
  before = now;
}, 1);
process.on('message', (question) => {
  if (question === 'stop') {
    void hub.stop().then(() => process.exit());
    return;
  }
  if (question === 'pace') {
    process.send({ pace: pace() });
    return;
  }
  // A turn later the loop has noted the delay that this very turn may have had.
  setTimeout(() => {
    process.send({ delay: delays.max / 1e6, slice });
    delays.reset();
    slice = 0;
  }, 5);
});
process.send({ url: hub.url });
