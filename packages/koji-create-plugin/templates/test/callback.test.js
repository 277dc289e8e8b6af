import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../__code__/callback.js';

const name = '__plugin__';

let hub;
before(async () => {
  hub = await startTestHub({ plugins: { [name]: plugin }, tags: ['f44'] });
});
after(() => hub.stop());

test('a build that gets into a tag is noted', async () => {
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  const line = hub.log.find((one) => one.includes(`${name}: `));
  assert.match(line, /kojiadmin has put bash-5\.2-1 into f44/);
});
