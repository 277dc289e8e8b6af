import { runCommand, runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { CompareTags } from '../src/builder.js';
import { handle_compare_tags } from '../src/cli.js';
import * as plugin from '../src/hub.js';

let hub: TestHub;
beforeAll(async () => {
  hub = await startTestHub({ plugins: { comparetags: plugin }, tags: ['f43', 'f44'] });
  await hub.addBuild('bash-5.2-1', { tags: ['f43', 'f44'] });
  await hub.addBuild('zsh-5.9-1', { tags: ['f43'] });
  await hub.addBuild('zsh-5.9-2', { tags: ['f44'] });
});
afterAll(() => hub.stop());

test('the task tells builds that came from builds that went', async () => {
  const { result, uploads, log } = await runTask(CompareTags, ['f43', 'f44'], { hub });
  expect(result).toEqual({ added: ['zsh-5.9-2'], removed: ['zsh-5.9-1'] });
  expect(uploads.get('difference.txt')?.toString()).toBe('+ zsh-5.9-2\n- zsh-5.9-1\n');
  expect(log).toContain('INFO 1 builds more and 1 less in f44 than in f43');
});

test('the method wants tags that are there', async () => {
  await expect(hub.admin.compareTags('f43', 'f99')).rejects.toThrow('No such tagInfo');
});

test('the command makes the task, waits for it and prints the difference', async () => {
  const session = await hub.login('alice');
  const tasks = [CompareTags];
  const done = await runCommand(handle_compare_tags, ['f43', 'f44'], { hub, session, tasks });
  expect(done).toEqual({ code: 0, printed: ['+ zsh-5.9-2\n- zsh-5.9-1'], warned: [] });
  expect(await runCommand(handle_compare_tags, ['f43'], { hub })).toMatchObject({ code: 2 });
});
