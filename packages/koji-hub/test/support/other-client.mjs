// A client that calls `getAPIVersion` again and again between the messages `begin` and `end`, and then sends how long each
// call took, in order. A process of its own, so that nothing but the hub makes it wait. The first message has the address.
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeCall } from '@koji/core/wire';

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const body = encodeCall('getAPIVersion', []);
let target = '';
let isOver = true;

function ask() {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body) };
    const request = http.request(target, { method: 'POST', agent, headers }, (answer) => {
      answer.resume().once('end', resolve).once('error', reject);
    });
    request.once('error', reject).end(body);
  });
}

async function askMeanwhile() {
  const times = [];
  while (!isOver) {
    const began = performance.now();
    await ask();
    times.push(performance.now() - began);
    await sleep(1);
  }
  process.send(times.sort((a, b) => a - b));
}

process.on('message', (message) => {
  isOver = message === 'end';
  if (message === 'begin') void askMeanwhile();
  else if (message === 'stop') process.disconnect();
  else if (message !== 'end') {
    target = message.target;
    void warmUp();
  }
});

async function warmUp() {
  for (let i = 0; i < 300; i++) await ask();
  process.send('ready');
}
process.on('disconnect', () => agent.destroy());
