import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { root } from './support/system.js';

const kinds = ['sqlite', ...(process.env.KOJI_TEST_POSTGRES === undefined ? [] : ['postgres'])];

/**
 * With this seed the victims are the hub, a start of it, the builder and tasks, and on PostgreSQL also a single process of the
 * hub.
 */
const seed = process.env.KOJI_FUZZ_SEED ?? '382';
const kills = 8 * Number(process.env.KOJI_FUZZ_ROUNDS ?? 1);

/** Runs the script and returns what it prints; it kills for longer when it is started by hand. */
async function killLoop(...args: string[]): Promise<{ code: unknown; said: string }> {
  const script = path.join(root, 'scripts/kill-loop.mjs');
  const loop = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
  });
  let said = '';
  for (const stream of [loop.stdout, loop.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(loop, 'close')) as unknown[];
  return { code, said };
}

test.each(kinds)(
  'on %s, kill -9 of hub, builder and tasks loses nothing acknowledged, leaves no task stuck and no file over',
  async (database) => {
    // With such pauses there are always calls under way, and most of the time is not theirs.
    const args = ['--database', database, '--kills', String(kills), '--seed', seed, '--pause', '400'];
    const { code, said } = await killLoop(...args);
    if (code !== 0) throw new Error(said);
    const [, killed, hubs, builders, calls] =
      [...said.matchAll(/ (\d+) kills \((\d+) hub, .*(\d+) builder, .*, (\d+) calls acknowledged/g)].at(-1) ??
      [];
    expect(Number(killed)).toBeGreaterThanOrEqual(kills);
    expect(Number(hubs)).toBeGreaterThan(0);
    expect(Number(builders)).toBeGreaterThan(0);
    expect(Number(calls)).toBeGreaterThan(0);
  },
);
