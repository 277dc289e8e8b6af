// The plugin's side of the prototype: a thread's or a process's.
import { parentPort } from 'node:worker_threads';

const post = (message) => (parentPort ? parentPort.postMessage(message) : process.send(message));
const waiting = new Map();
let last = 0;

const methods = {
  echo: (value) => value,
  back: (value) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      post({ kind: 'back', id: last, value });
    }),
};

async function hear({ kind, id, method, value }) {
  if (kind === 'call') post({ kind: 'result', id, value: await methods[method](value) });
  else {
    waiting.get(id)(value);
    waiting.delete(id);
  }
}

if (parentPort) parentPort.on('message', hear);
else process.on('message', hear);
