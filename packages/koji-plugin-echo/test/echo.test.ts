import { callbackNames } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';

let hub: TestHub;
beforeAll(async () => {
  hub = await startTestHub({ plugins: { echo: plugin }, tags: ['f44'] });
});
afterAll(() => hub.stop());

test('what happens is in the log, with everything about it', async () => {
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  const lines = hub.log.filter((line) => line.includes('Called the '));
  const of = (event: string): string =>
    lines.find((line) => line.includes(`Called the ${event} callback`)) ?? '';
  expect(of('preTag')).toMatch(/tag: \{.*name: 'f44'.*build: \{.*nvr: 'bash-5\.2-1'/);
  for (const event of ['prePackageListChange', 'postPackageListChange', 'postTag', 'preCommit', 'postCommit'])
    expect(of(event)).not.toBe('');
  expect(hub.log.join('\n')).not.toContain('Error running');
});

test('every event is listened to', async () => {
  for (const event of callbackNames) await hub.fire(event, { marked: event } as never);
  for (const event of callbackNames)
    expect(hub.log.join('\n')).toContain(`Called the ${event} callback: { marked: '${event}' }`);
});
