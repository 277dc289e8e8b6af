import { jest } from '@jest/globals';
import { PostgresHandle } from '../src/db/postgres-handle.js';
import { SqliteHandle } from '../src/db/sqlite-handle.js';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

/** How many statements each call may take, with the two that open and claim its session, and the one that stores its number. */
const calls: readonly (readonly [most: number, method: string, ...args: unknown[]])[] = [
  [8, 'createTag', 'another'],
  [9, 'createEmptyBuild', 'pkg', '1', '3', null],
  [10, 'tagBuildBypass', 'tag', 'pkg-1-1', false, false],
  [9, 'untagBuildBypass', 'tag', 'pkg-1-1', true, false, false],
  [13, 'tagBuildBypass', 'tag', 'pkg-1-2'],
  [12, 'untagBuildBypass', 'tag', 'pkg-1-2'],
  [17, 'packageListAdd', 'tag', 'new', 'kojiadmin'],
  [15, 'packageListBlock', 'tag', 'new'],
];

describe.each(databases)('on $name', (kind) => {
  let hub: TestHub;
  let admin: Caller;

  beforeAll(async () => {
    // Only the calls must be counted.
    hub = await startTestHub(kind, { RunInterval: '3600' });
    admin = await hub.login('kojiadmin');
    await admin('createTag', ['tag']);
    await admin('packageListAdd', ['tag', 'pkg', 'kojiadmin']);
    for (const release of ['1', '2']) await admin('createEmptyBuild', ['pkg', '1', release, null]);
  });
  afterAll(() => hub.stop());

  test('a write looks nothing up twice', async () => {
    const handle = kind.dialect === 'postgres' ? PostgresHandle : SqliteHandle;
    const spy = jest.spyOn(handle.prototype, 'query');
    try {
      for (const [most, method, ...args] of calls) {
        spy.mockClear();
        await admin(method, args);
        const statements = spy.mock.calls
          .map(([text]) => text.replaceAll(/\s+/g, ' '))
          // When a session was last used is noted beside the calls.
          .filter((text) => !text.includes('update_time ='));
        expect([method, statements.length > most ? statements : 'few']).toEqual([method, 'few']);
      }
    } finally {
      spy.mockRestore();
    }
  });
});
