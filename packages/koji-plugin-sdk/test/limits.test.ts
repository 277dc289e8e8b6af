import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeLimits, limitOf, loadPlugins } from '../src/host/index.js';

const rules = { usual: 30, most: 300 };

test('a plugin has the limits that it asks for, up to the most; the usual ones for the rest', () => {
  const limits = { methods: 120, callbacks: 5, policyTests: 600 };
  expect(limitOf(limits, 'methods', rules)).toBe(120_000);
  expect(limitOf(limits, 'callbacks', rules)).toBe(5000);
  expect(limitOf(limits, 'policyTests', rules)).toBe(300_000);
  expect(limitOf({}, 'methods', rules)).toBe(30_000);
  // The maximum never lowers the default.
  expect(limitOf({ methods: 20 }, 'methods', { usual: 30, most: 10 })).toBe(20_000);
  expect(describeLimits(limits, rules)).toEqual([
    'callbacks may take 5 s',
    'methods may take 120 s',
    'policy tests may take 300 s, though it asks for 600 s',
  ]);
});

test('limits are in the package.json, and wrong ones are a problem', async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'koji-limits-'));
  const folder = path.join(root, 'slow');
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'hub.cjs'), 'exports.f = () => 1; exports.f.exported = true;');
  const load = (limits: unknown): ReturnType<typeof loadPlugins> => {
    fs.writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({ name: 'slow', koji: { hub: 'hub.cjs', limits } }),
    );
    return loadPlugins({ part: 'hub', names: ['slow'], folders: [root], from: root });
  };
  try {
    expect((await load({ methods: 120 })).plugins).toMatchObject([{ limits: { methods: 120 } }]);
    const problemOf = async (limits: unknown): Promise<unknown> => (await load(limits)).problems[0]?.problem;
    expect(await problemOf({ method: 120 })).toBe(
      '"koji": {"limits"} knows no "method", but callbacks, methods, policyTests, schedules, routes',
    );
    for (const wrong of ['120', -1, 0, null, 1e9])
      expect(await problemOf({ methods: wrong })).toBe(
        `"koji": {"limits"} has "methods": ${JSON.stringify(wrong)}, which is no number of seconds up to a day`,
      );
    expect(await problemOf([120])).toBe('"koji": {"limits"} is not an object');
  } finally {
    fs.rmSync(root, { recursive: true });
  }
});
