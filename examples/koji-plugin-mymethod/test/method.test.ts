import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';

let hub: TestHub;
beforeAll(async () => {
  // Plain JavaScript, which brings no types.
  const file: string = '../index.js';
  hub = await startTestHub({ plugins: { mymethod: (await import(file)) as object } });
});
afterAll(() => hub.stop());

test('an administrator gets the arguments back', async () => {
  const user = 'kojiadmin';
  expect(await hub.admin.call('mymethod', [1, 'two'])).toEqual({ arg1: 1, arg2: 'two', kwarg1: null, user });
  expect(await hub.admin.call('mymethod', [1], { kwarg1: 3, arg2: 2 })).toMatchObject({ arg2: 2, kwarg1: 3 });
});

test('nobody else does', async () => {
  const alice = await hub.login('alice');
  await expect(alice.call('mymethod', [1, 2])).rejects.toThrow('admin permission required');
});
