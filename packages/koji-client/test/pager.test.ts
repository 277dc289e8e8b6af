import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runKoji, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

let hub: RealHub;

useHub(async (opened) => {
  ({ hub } = opened);
  await writeFile(join(hub.folder, 'mark'), '#!/bin/sh\nsed s/^/paged:/\n', { mode: 0o755 });
});

/** Runs a command on a terminal of 24 lines. */
const onTerminal = async (env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> => {
  const ran = await runKoji(['-c', join(hub.folder, 'koji.conf'), ...args], {
    terminal: true,
    term: 'xterm',
    home: hub.folder,
    env,
  });
  expect(ran.code).toBe(0);
  return ran.stdout.replaceAll('\r\n', '\n');
};

test('on a terminal a pager shows what is longer than the screen, and only there', async () => {
  const mark = join(hub.folder, 'mark');
  const [paged, short, without, unknown] = await Promise.all([
    onTerminal({ KOJI_PAGER: mark, PAGER: 'false' }, 'help'),
    onTerminal({ PAGER: mark }, 'version'),
    onTerminal({ PAGER: mark }, '--no-pager', 'help'),
    onTerminal({ PAGER: 'no-such-pager' }, 'help'),
  ]);
  expect(paged).toMatch(/^paged:Available commands:\n/);
  expect(paged.split('\n').filter((line) => line !== '' && !line.startsWith('paged:'))).toEqual([]);
  expect(short).toMatch(/^Client: /);
  expect(without).toMatch(/^Available commands:\n/);
  expect(unknown).toBe(without);
  const piped = await runKoji(['-c', join(hub.folder, 'koji.conf'), 'help'], { env: { PAGER: mark } });
  expect(piped.stdout).toMatch(/^Available commands:\n/);
});

test('a pager that is left ends the command', async () => {
  // `head` leaves before the list of the hub's methods is written.
  expect(await onTerminal({ PAGER: 'head -n 3' }, 'list-api')).toMatch(/^(.*\n){3}$/);
});
