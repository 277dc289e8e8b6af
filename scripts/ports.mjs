// Ports of the loopback interface for servers that are started by their number.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

// Below the ports that systems give to outgoing connections, any of which could take one before its server does.
const lowest = 12_000;
const highest = 32_000;

/**
 * A TCP port that nothing listens on, `wanted` if that is free; 0 is any. It belongs to this process until the process ends,
 * and no other process that calls this function gets it. A UDP socket on the same number, which disappears with the process,
 * reserves it.
 */
export async function freePort(wanted = 0) {
  for (let port = wanted || random(); ; port = random())
    if ((await claim(port)) && (await isFree(port))) return port;
}

const random = () => lowest + Math.floor(Math.random() * (highest - lowest));

function claim(port) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').unref();
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
