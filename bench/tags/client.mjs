// A client that does as little as it can, so that what is measured is the hub.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeCall } from '@koji/core/wire';

/** Calls and throws the answer away; milliseconds and bytes. With `slow`, reads no more than so many bytes a second. */
export async function drain(url, method, params, slow = Infinity) {
  const began = performance.now();
  const request = http.request(`${url}/kojihub`, { method: 'POST', headers: { 'Content-Type': 'text/xml' } });
  request.end(encodeCall(method, params));
  const [response] = await once(request, 'response');
  let bytes = 0;
  let tail = '';
  for await (const chunk of response) {
    bytes += chunk.length;
    tail = (tail + chunk.toString('latin1')).slice(-100);
    const early = (bytes / slow) * 1000 - (performance.now() - began);
    if (early > 5) await sleep(early);
  }
  if (!tail.endsWith('</params>\n</methodResponse>\n')) throw new Error(`${method} gave no answer: ${tail}`);
  return { ms: performance.now() - began, bytes };
}

/** One connection that stays open; the milliseconds of `count` calls of getBuild, one after the other. */
export async function callBuilds(url, login, { count, ids }) {
  const { hostname, port, host } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const head = `POST /kojihub HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/xml\r\n`;
  const session = `Koji-Session-Id: ${login['session-id']}\r\nKoji-Session-Key: ${login['session-key']}\r\n`;
  const times = [];
  let began = 0;
  const call = () => {
    const body = encodeCall('getBuild', [1 + Math.floor(Math.random() * ids)]);
    began = performance.now();
    socket.write(`${head}${session}Content-Length: ${body.length}\r\n\r\n${body}`);
  };
  try {
    await new Promise((resolve, reject) => {
      let answer = '';
      // A single listener, because waiting for each answer separately costs the client more than sending the call.
      socket.on('data', (data) => {
        answer += data.toString('latin1');
        if (!answer.endsWith('</methodResponse>\n')) return;
        times.push(performance.now() - began);
        if (!answer.includes('<name>nvr</name>')) return reject(new Error(`getBuild failed: ${answer}`));
        answer = '';
        if (times.length === count) resolve();
        else call();
      });
      socket.on('error', reject).on('close', () => reject(new Error('the hub closed the connection')));
      call();
    });
  } finally {
    socket.destroy();
  }
  return times;
}
