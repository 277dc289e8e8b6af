import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../scripts/ports.mjs';
import { root } from './support/system.js';

const ports = pathToFileURL(path.join(root, 'scripts/ports.mjs')).href;

test('processes that ask for ports at the same time are given different ones', async () => {
  const program = `
    import { freePort } from '${ports}';
    const found = [];
    while (found.length < 400) found.push(await freePort());
    process.stdout.write(JSON.stringify(found) + '\\n');
    process.stdin.resume();`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  // Each keeps its ports until all have asked.
  const found = await Promise.all(
    children.map(async ({ stdout }) => {
      let text = '';
      for await (const piece of stdout.iterator({ destroyOnReturn: false })) {
        text += String(piece);
        if (text.endsWith('\n')) break;
      }
      return JSON.parse(text) as number[];
    }),
  );
  for (const child of children) child.stdin.end();
  await Promise.all(children.map((child) => once(child, 'exit')));
  expect(found.map((some) => some.length)).toEqual([400, 400, 400, 400]);
  expect(new Set(found.flat()).size).toBe(1600);
});

test('a wanted port is given once, and never one that a server has', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;
  expect(await freePort(taken)).not.toBe(taken);
  server.close();
  expect(await freePort(0)).toBeGreaterThan(0);
  const wanted = await freePort();
  expect(await freePort(wanted)).not.toBe(wanted);
});
