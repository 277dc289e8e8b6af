// Builders that wait for tasks as kojid's do, over a connection each. Reads the sessions from standard input; prints a line when
// all of them wait, then, asked by a line, how many calls were answered since.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { encodeCall } from '@koji/core/wire';

const [, , address] = process.argv;
const url = new URL(address);
/** Seconds that kojid waits. */
const patience = 600;
let answered = 0;
let broken = 0;
let again = 0;

function request(session, key, seconds) {
  const body = encodeCall('host.waitForTasks', [seconds, []]);
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `Host: ${url.host}`,
    'Content-Type: text/xml',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Koji-Session-Id: ${session}`,
    `Koji-Session-Key: ${key}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Connects and waits, again when the connection breaks, as kojid does; resolves when the call is on its way. */
function wait(session, key) {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    let answer = '';
    // The first wait ends at a random time within the usual ones, as if all of them had been running for hours.
    socket.once('connect', () =>
      socket.write(request(session, key, 1 + Math.floor(Math.random() * patience)), resolve),
    );
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      answer += text;
      if (!answer.includes('</methodResponse>')) return;
      if (answer.includes('<fault>') || !answer.includes('<boolean>0<')) {
        broken += 1;
        console.error(answer);
      }
      answer = '';
      answered += 1;
      socket.write(request(session, key, patience));
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      again += 1;
      void wait(session, key).then(resolve);
    });
  });
}

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  const { sessions, key } = JSON.parse(line);
  void begin(sessions, key);
});

async function begin(sessions, key) {
  const left = [...sessions];
  // Not all at once: a server keeps few connections that it has not accepted yet.
  const some = async () => {
    for (let session = left.pop(); session !== undefined; session = left.pop()) await wait(session, key);
  };
  await Promise.all(Array.from({ length: 50 }, some));
  answered = 0;
  again = 0;
  console.log('waiting');
  lines.on('line', () => console.log(JSON.stringify({ answered, broken, again })));
}
