// A client that does as little as it can, so that what is measured is the hub.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeCall, encodeResponseStream } from '@koji/core/wire';

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

/** The milliseconds of encoding a value to bytes, as a hub does it, without sending them. */
export async function encode(value) {
  const began = performance.now();
  let bytes = 0;
  for await (const chunk of encodeResponseStream(value)) bytes += Buffer.from(chunk).length;
  return { ms: performance.now() - began, bytes };
}

/** One connection that stays open; the milliseconds of `count` calls of getBuild, one after the other. */
export async function callBuilds(url, login, { count, ids }) {
  const { hostname, port, host } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const times = [];
  try {
    for (let i = 0; i < count; i++) {
      const body = encodeCall('getBuild', [1 + Math.floor(Math.random() * ids)]);
      const head = `POST /kojihub HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/xml\r\n`;
      const session = `Koji-Session-Id: ${login['session-id']}\r\nKoji-Session-Key: ${login['session-key']}\r\n`;
      const began = performance.now();
      socket.write(`${head}${session}Content-Length: ${body.length}\r\n\r\n${body}`);
      let answer = '';
      while (!answer.endsWith('</methodResponse>\n'))
        answer += (await once(socket, 'data')).toString('latin1');
      times.push(performance.now() - began);
      if (!answer.includes('<name>nvr</name>')) throw new Error(`getBuild failed: ${answer}`);
    }
  } finally {
    socket.destroy();
  }
  return times;
}
