import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTask } from '@koji/plugin-sdk/testing';
import { __Name__ } from '../__code__/task.js';

test('the task lists the latest builds', async () => {
  const calls = { getLatestBuilds: [{ nvr: 'bash-5.2-1' }, { nvr: 'zsh-5.9-1' }] };
  const { result, uploads, log } = await runTask(__Name__, ['f44'], { calls });
  assert.equal(result, 2);
  assert.equal(String(uploads.get('builds.txt')), 'bash-5.2-1\nzsh-5.9-1\n');
  assert.deepEqual(log, ['INFO 2 builds are the latest in f44']);
});
