import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../__code__/method.js';

const name = '__plugin__';

let hub;
before(async () => {
  hub = await startTestHub({
    plugins: { [name]: plugin },
    config: { [name]: '[greeting]\nword = Hi\n' },
  });
});
after(() => hub.stop());

test('__name__ greets', async () => {
  const alice = await hub.login('alice');
  assert.equal(await alice.call('__name__', ['world']), 'Hi world, says alice');
});
