import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestHub } from '@koji/plugin-sdk/testing';
import mycallback from '../index.cjs';

test('what is tagged is in the log, before it happens and after', async () => {
  const hub = await startTestHub({ plugins: { mycallback }, tags: ['f44'] });
  try {
    await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
    const lines = hub.log.filter((line) => line.includes('mycallback:'));
    assert.equal(lines.length, 2);
    assert.match(lines[0], /mycallback: preTag of bash-5.2-1 into f44 by kojiadmin/);
    assert.match(lines[1], /mycallback: postTag of bash-5.2-1 into f44 by kojiadmin/);
  } finally {
    await hub.stop();
  }
});
