import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runCommand, startTestHub } from '@koji/plugin-sdk/testing';
import { anon_handle___snake__ as command } from '../__code__/command.js';

let hub;
before(async () => {
  hub = await startTestHub({ tags: ['f44', 'f45'] });
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
});
after(() => hub.stop());

test('the command shows the latest builds', async () => {
  assert.deepEqual(await runCommand(command, ['f44'], { hub }), {
    code: 0,
    printed: ['bash-5.2-1'],
    warned: [],
  });
});

test('it ends with 1 when there is none, and with 2 without a tag', async () => {
  assert.equal((await runCommand(command, ['f45'], { hub })).code, 1);
  assert.equal((await runCommand(command, [], { hub })).code, 2);
});
