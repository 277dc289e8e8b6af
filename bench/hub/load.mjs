// Sends requests again and again over some connections, in a process of its own: load.mjs URL CONNECTIONS SECONDS, the requests as
// JSON on standard input. Prints the rate and the times as JSON. With `once` each is sent once, whatever the seconds.
import { once } from 'node:events';
import net from 'node:net';
import { performance } from 'node:perf_hooks';

const [url, connections, seconds] = process.argv.slice(2);
const { hostname, port, host, pathname, search } = new URL(url);
let given = '';
for await (const text of process.stdin) given += text;
const { bodies, headers, once: isOnce, size } = JSON.parse(given);
/** A body of so many bytes instead of a text. */
const block = size === undefined ? null : Buffer.alloc(size, 'koji');
const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${block ? 'application/octet-stream' : 'text/xml'}\r\n${lines.join('')}Content-Length: `;

const times = [];
let bytes = 0;
let next = 0;
let faults = 0;
let firstFault = '';
const end = performance.now() + Number(seconds) * 1000;

/** An answer as it comes, of which only the beginning and the last bytes are kept. */
class Answer {
  length = 0;
  text = '';
  tail = '';
  wanted = null;

  /** Takes what came; true when it was the end of the answer. */
  add(data) {
    this.length += data.length;
    this.wanted ??= this.#begin(data);
    if (this.wanted === null) return false;
    this.tail = `${this.tail}${data.toString('latin1', Math.max(0, data.length - 5))}`.slice(-5);
    return this.wanted === 'chunks' ? this.tail === '0\r\n\r\n' : this.length >= this.wanted;
  }

  #begin(data) {
    this.text += data.toString('latin1', 0, 1200);
    const at = this.text.indexOf('\r\n\r\n');
    if (at < 0) return null;
    const given = /content-length: (\d+)/i.exec(this.text.slice(0, at))?.[1];
    return given === undefined ? 'chunks' : at + 4 + Number(given);
  }
}

async function client() {
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  await new Promise((resolve, reject) => {
    let answer = new Answer();
    let began = 0;
    const send = () => {
      // Each client sends one, however short the time is.
      if (isOnce ? next >= bodies.length : began > 0 && performance.now() >= end) return resolve();
      const body = block ? '' : bodies[next++ % bodies.length];
      began = performance.now();
      socket.write(`${head}${block ? block.length : Buffer.byteLength(body)}\r\n\r\n${body}`);
      if (block) socket.write(block);
    };
    socket.on('data', (data) => {
      if (!answer.add(data)) return;
      times.push(performance.now() - began);
      bytes += answer.length;
      if (/^HTTP\/1\.[01] [^2]|<fault>/.test(answer.text)) {
        faults += 1;
        firstFault ||= answer.text;
      }
      answer = new Answer();
      send();
    });
    socket.on('error', reject).on('close', () => reject(new Error('the connection was closed')));
    send();
  });
  socket.destroy();
}

const began = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, client));
const took = performance.now() - began;
const sorted = times.toSorted((a, b) => a - b);
const at = (share) => sorted[Math.floor(sorted.length * share)];
console.log(
  JSON.stringify({
    rate: (times.length / took) * 1000,
    p50: at(0.5),
    p99: at(0.99),
    bytes: Math.round(bytes / times.length),
    count: times.length,
    faults,
    firstFault,
  }),
);
