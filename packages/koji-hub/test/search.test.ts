import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('search on $name', (kind) => {
  let hub: TestHub;
  let anybody: Asking;
  const names = async (terms: string, type: string, how: string, queryOpts?: object): Promise<string[]> => {
    const found = await anybody<{ name: string }[]>('search', [terms, type, how, queryOpts ?? null]);
    return found.map(({ name }) => name);
  };

  beforeAll(async () => {
    hub = await startTestHub(kind);
    const admin = await asking(hub, 'kojiadmin');
    anybody = await asking(hub, null);
    for (const name of ['f4_0', 'f40', 'F40-Upper', 'back\\slash'])
      await admin('createTag', [name]).catch(() => undefined);
    await admin('createTag', ['gone']);
    await admin('deleteTag', ['gone']);
    await admin('createEmptyBuild', ['libc++', '1.0', '1', null]);
    await admin('createEmptyBuild', ['bash', '5.2', '1', null]);
  });
  afterAll(() => hub.stop());

  it('takes globs and regular expressions whatever the case, and anything else literally', async () => {
    const order = { order: 'id' };
    expect(await names('F40*', 'tag', 'glob', order)).toEqual(['f40', 'F40-Upper']);
    expect(await names('f4_0', 'tag', 'glob')).toEqual(['f4_0']);
    expect(await names('^F4.?0$', 'tag', 'regexp', order)).toEqual(['f4_0', 'f40']);
    expect(await names('F40', 'tag', 'exact')).toEqual([]);
    expect(await names('bash-5.2-1', 'build', 'whatever')).toEqual(['bash-5.2-1']);
    expect(await names('gone', 'tag', 'exact')).toEqual([]);
    expect(await names('libc\\+{2}', 'package', 'regexp')).toEqual(['libc++']);
  });

  it('orders by id and name only, counts and cuts', async () => {
    expect(await names('*', 'tag', 'glob', { order: '-id', limit: 1 })).toEqual(['F40-Upper']);
    expect(await anybody('search', ['.', 'tag', 'regexp', { countOnly: true }])).toBe(3);
    const [code] = await faultOf(anybody('search', ['*', 'user', 'glob', { order: 'password' }]));
    expect(code).toBe(1019);
  });

  it('refuses empty terms, unknown types and broken patterns', async () => {
    await expect(faultOf(anybody('search', ['', 'tag', 'glob']))).resolves.toEqual([
      1000,
      'empty search terms',
    ]);
    await expect(faultOf(anybody('search', ['x', 'shoe', 'glob']))).resolves.toEqual([
      1000,
      'No such search type: shoe',
    ]);
    for (const pattern of ['libc++', '(bash'])
      await expect(faultOf(anybody('search', [pattern, 'package', 'regexp']))).resolves.toEqual([
        1019,
        expect.stringContaining('invalid regular expression'),
      ]);
  });

  it('answers a pattern made to take for ever, and others meanwhile', async () => {
    const evil = anybody('search', [`^(${'(.+)+'.repeat(5)})+!$`, 'package', 'regexp']);
    await expect(anybody('hello')).resolves.toBe('Hello World');
    await expect(evil).resolves.toEqual([]);
  });
});
