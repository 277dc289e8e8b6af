import { callbackTable } from '@koji/plugin-sdk/host';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';

let hub: TestHub;

beforeAll(async () => {
  hub = await startTestHub({ plugins: { echo: plugin }, tags: ['f44'] });
});
afterAll(() => hub.stop());

const echoed = (from = 0): string[] =>
  hub.log.slice(from).flatMap((line) => /\[INFO\].*(Called the .*)$/s.exec(line)?.[1] ?? []);

test('what a tagging sets off is in the log, in its order and with its payload', async () => {
  const before = hub.log.length;
  await hub.addBuild('bash-5-1', { tags: ['f44'] });
  const lines = echoed(before);
  expect(lines.map((line) => /^Called the (\w+) callback, args: \(\); kws: \{/.exec(line)?.[1])).toEqual([
    'preBuildStateChange',
    'postBuildStateChange',
    'preCommit',
    'postCommit',
    'prePackageListChange',
    'postPackageListChange',
    'preCommit',
    'postCommit',
    'preTag',
    'postTag',
    'preCommit',
    'postCommit',
  ]);
  const tagged = lines.find((line) => line.includes('postTag')) ?? '';
  expect(tagged).toContain("'name': 'f44'");
  expect(tagged).toContain("'nvr': 'bash-5-1'");
  expect(tagged).toContain("'force': False");
  // Moments are text that people can read.
  expect(tagged).toMatch(/'creation_time': '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00'/);
});

test('no event is left out', async () => {
  const before = hub.log.length;
  const events = Object.keys(callbackTable) as (keyof typeof callbackTable)[];
  for (const event of events) await hub.fire(event, { marked: 'here' } as never);
  const marked = echoed(before).filter((line) => line.includes("'marked': 'here'"));
  expect(marked).toEqual(
    events.map((event) => `Called the ${event} callback, args: (); kws: {'marked': 'here'}`),
  );
});

test('a payload that cannot be written fails no call', async () => {
  const odd = Object.defineProperty(Object.create({}) as object, 'broken', {
    enumerable: true,
    get: () => {
      throw new Error('not to be read');
    },
  });
  await hub.fire('postTag', odd as never);
  expect(hub.log.join('\n')).toContain('Error running postTag callback from echo: not to be read');
});
