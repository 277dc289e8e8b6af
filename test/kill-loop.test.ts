import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { root } from './support/system.js';

const kinds = ['sqlite', ...(process.env.KOJI_TEST_POSTGRES === undefined ? [] : ['postgres'])];

/** Runs half a minute of kills and returns what the script prints. A failure is repeated with its seed. */
async function killLoop(...args: string[]): Promise<{ code: unknown; said: string }> {
  const script = path.join(root, 'scripts/kill-loop.mjs');
  const loop = spawn(process.execPath, [script, ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
  let said = '';
  for (const stream of [loop.stdout, loop.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(loop, 'close')) as unknown[];
  return { code, said };
}

test.each(kinds)(
  'on %s, kill -9 of hub, builder and tasks loses nothing acknowledged, leaves no task stuck and no file over',
  async (database) => {
    const { code, said } = await killLoop('--database', database, '--seconds', '30');
    if (code !== 0) throw new Error(said);
    const [, kills, calls] = [...said.matchAll(/ (\d+) kills .*, (\d+) calls acknowledged/g)].at(-1) ?? [];
    expect(Number(kills)).toBeGreaterThan(0);
    expect(Number(calls)).toBeGreaterThan(0);
  },
  600_000,
);
