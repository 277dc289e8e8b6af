import type { BuildConfig, EventInfo } from '@koji/core/api';
import { databases } from './support/databases.js';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

describe.each(databases)('tags on $name', (kind) => {
  let hub: TestHub;
  let admin: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind);
    admin = await asking(hub, 'kojiadmin');
  });
  afterAll(() => hub.stop());

  it('keep every setting, floats among the extra data staying floats', async () => {
    const id = await admin('createTag', ['f44'], {
      arches: 'x86_64 s390x',
      extra: { n: 2, list: [1.5, null], text: 'é' },
    });
    expect(await admin('getTag', [id])).toEqual({
      id,
      name: 'f44',
      perm: null,
      perm_id: null,
      arches: 'x86_64 s390x',
      locked: false,
      maven_support: false,
      maven_include_all: false,
      extra: { n: 2, list: [1.5, null], text: 'é' },
    });
  });

  it('answer as they were at an event, also once they are deleted', async () => {
    const id = await admin('createTag', ['old'], { arches: 'i686' });
    const { id: event } = await admin<EventInfo>('getLastEvent');
    await admin('editTag2', ['old'], { arches: 'x86_64', locked: true });
    expect(await admin('getTag', ['old'], { event })).toMatchObject({ arches: 'i686', query_event: event });
    await admin('deleteTag', ['old']);
    expect(await admin('getTag', ['old'])).toBeNull();
    expect(await admin('getTag', ['old'], { event: 'auto' })).toMatchObject({
      id,
      arches: 'x86_64',
      locked: true,
    });
    expect(await admin('createTag', ['old'])).toBe(id);
  });

  it('are refused under a name that is taken or not allowed', async () => {
    await admin('createTag', ['taken']);
    await expect(faultOf(admin('createTag', ['taken']))).resolves.toEqual([
      1000,
      "A tag with the name 'taken' already exists",
    ]);
    await expect(faultOf(admin('createTag', ['a b']))).resolves.toEqual([
      1000,
      'Name a b does not match RegexNameInternal value',
    ]);
    await expect(faultOf(admin('createTag', ['child'], { parent: 'nobody' }))).resolves.toEqual([
      1000,
      "Parent tag 'nobody' could not be found",
    ]);
  });

  it('give a build the arches and extra data of the nearest tag that has them, unless blocked', async () => {
    await admin('createTag', ['base'], { arches: 'aarch64', extra: { a: 1, b: 1, c: 1 } });
    await admin('createTag', ['leaf'], { parent: 'base', arches: '', extra: { b: 2 } });
    await admin('editTag2', ['leaf'], { block_extra: ['c'] });
    const { extra, config_inheritance: from } = await admin<BuildConfig>('getBuildConfig', ['leaf']);
    expect(extra).toEqual({ b: 2, a: 1 });
    expect(Object.keys(from.extra)).toEqual(['a']);
  });

  it('say which extra data cannot be removed', async () => {
    await admin('createTag', ['bare']);
    await expect(faultOf(admin('editTag2', ['bare'], { remove_extra: ['x', 'y'] }))).resolves.toEqual([
      1000,
      "Tag: bare doesn't have extra: x, y",
    ]);
  });
});
