// Sends the same request again and again over some connections, in a process of its own: load.mjs URL CONNECTIONS SECONDS,
// the request as JSON on standard input. Prints the rate and the times as JSON.
import { once } from 'node:events';
import net from 'node:net';
import { performance } from 'node:perf_hooks';

const [url, connections, seconds] = process.argv.slice(2);
const { hostname, port, host, pathname } = new URL(url);
let given = '';
for await (const text of process.stdin) given += text;
const { bodies, headers } = JSON.parse(given);

const times = [];
let bytes = 0;
let sample = '';
let next = 0;
const end = performance.now() + Number(seconds) * 1000;

/** Where an answer ends in what came so far; 0 while it is not whole. */
function endOf(answer) {
  const head = answer.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const length = /content-length: (\d+)/i.exec(answer.toString('latin1', 0, head))?.[1];
  if (length !== undefined) return answer.length >= head + 4 + Number(length) ? head + 4 + Number(length) : 0;
  return answer.length >= 5 && answer.toString('latin1', answer.length - 5) === '0\r\n\r\n'
    ? answer.length
    : 0;
}

async function client() {
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  await new Promise((resolve, reject) => {
    let parts = [];
    let began = 0;
    const send = () => {
      const body = bodies[next++ % bodies.length];
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      began = performance.now();
      socket.write(
        `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/xml\r\n${lines.join('')}` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    };
    socket.on('data', (data) => {
      parts.push(data);
      const answer = parts.length === 1 ? data : Buffer.concat(parts);
      parts = [answer];
      if (endOf(answer) === 0) return;
      times.push(performance.now() - began);
      bytes += answer.length;
      if (sample === '') sample = answer.toString('latin1', 0, 400);
      parts = [];
      if (performance.now() < end) send();
      else resolve();
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
    sample,
  }),
);
