import { newestTime } from '../src/repos/external.js';
import { judgeFolder, plan } from '../src/repos/plan.js';
import type { FolderRules, KnownRepo, PlanFolder, PlanRepo } from '../src/repos/plan.js';

const now = 1_000_000_000;
const day = 86_400;
const options = {
  RepoLifetime: 7 * day,
  DistRepoLifetime: 3 * day,
  ExpiredRepoLifetime: 5 * day,
  RepoInitTimeout: 7200,
};
const [INIT, READY, EXPIRED, DELETED, PROBLEM] = [0, 1, 2, 3, 4];
const buildTag = 10;

const repo = (changes: Partial<PlanRepo>): PlanRepo => ({
  id: 1,
  tagId: buildTag,
  dist: false,
  state: READY,
  created: now - 30 * day,
  changed: now - 30 * day,
  current: false,
  custom: false,
  latest: false,
  taskState: 2,
  ...changes,
});

/** The decision about a repo: its next state, or null if it stays. */
function decided(changes: Partial<PlanRepo>): string | null {
  const { broken, expired, deleted } = plan({
    repos: [repo(changes)],
    buildTags: new Set([buildTag]),
    options,
    now,
  });
  const found = [
    ...broken.map(({ reason }) => `broken: ${reason}`),
    ...expired.map(() => 'expired'),
    ...deleted.map(() => 'deleted'),
  ];
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0] ?? null;
}

describe('a repo', () => {
  it.each<[string, Partial<PlanRepo>, string | null]>([
    ['that begins stays', { state: INIT, created: now - 60, taskState: 1 }, null],
    ['that begins without a task stays', { state: INIT, created: now - 60, taskState: null }, null],
    [
      'that begins for too long is broken',
      { state: INIT, created: now - 7201, taskState: 1 },
      'broken: it did not get ready in time',
    ],
    [
      'whose task failed is broken',
      { state: INIT, created: now - 60, taskState: 5 },
      'broken: its task failed',
    ],
    [
      'whose task was canceled is broken',
      { state: INIT, created: now - 60, taskState: 3 },
      'broken: its task was canceled',
    ],
    [
      'without a time of creation is broken',
      { state: INIT, created: null },
      'broken: it has no time of creation',
    ],
    ['that is current stays, however old', { current: true }, null],
    [
      'that is current but has custom options expires',
      { current: true, custom: true, latest: true },
      'expired',
    ],
    ['younger than its lifetime stays', { changed: now - 7 * day }, null],
    ['that is not the latest expires', {}, 'expired'],
    ['that is the latest of a build tag stays', { latest: true }, null],
    [
      'that is the latest of a tag that nothing is built from expires',
      { latest: true, tagId: 11 },
      'expired',
    ],
    ['with custom options expires', { custom: true, latest: true }, 'expired'],
    [
      'to distribute that is the latest stays, whatever is built from its tag',
      { dist: true, latest: true, tagId: 11 },
      null,
    ],
    ['to distribute has a lifetime of its own', { dist: true, changed: now - 4 * day }, 'expired'],
    ['that expired not long ago stays', { state: EXPIRED, changed: now - 5 * day + 1 }, null],
    ['that expired long ago goes', { state: EXPIRED, changed: now - 5 * day }, 'deleted'],
    ['that has been broken for long goes', { state: PROBLEM, changed: now - 5 * day }, 'deleted'],
    ['that has been broken for a while stays', { state: PROBLEM, changed: now - day }, null],
  ])('%s', (_, changes, expected) => expect(decided(changes)).toBe(expected));
});

describe('a folder', () => {
  const folder: PlanFolder = {
    tagName: 'f44-build',
    id: 7,
    changed: now - 30 * day,
    isLatest: false,
    describedTagId: null,
  };
  const known: KnownRepo = { tagId: buildTag, tagName: 'f44-build', state: DELETED, changed: now - 30 * day };
  const rules: FolderRules = { removesStrays: true, ExpiredRepoLifetime: 5 * day, now };
  const renamed = { ...known, tagName: 'f45-build' };

  it.each<[string, Partial<PlanFolder>, KnownRepo | null, Partial<FolderRules>, string]>([
    ['of a repo that the hub does not know goes', {}, null, {}, 'remove'],
    ['of such a repo stays while it is young', { changed: now - day }, null, {}, 'keep'],
    ['of such a repo stays where strays stay', {}, null, { removesStrays: false }, 'keep'],
    ['of a deleted repo goes', {}, known, { removesStrays: false }, 'remove'],
    ['of a repo that was deleted not long ago stays', {}, { ...known, changed: now - day }, {}, 'keep'],
    ['of a deleted repo stays when it was changed since', { changed: now - day }, known, {}, 'keep'],
    ['of a repo that is not deleted stays', {}, { ...known, state: EXPIRED }, {}, 'keep'],
    ['that latest leads to stays', { isLatest: true }, known, {}, 'keep'],
    ['by the old name of a renamed tag goes', { describedTagId: buildTag }, renamed, {}, 'remove'],
    ['that describes another tag stays, with a warning', { describedTagId: 99 }, renamed, {}, 'warn'],
    ['that describes none stays, with a warning', {}, renamed, {}, 'warn'],
  ])('%s', (...row) => {
    const [, changes, repository, others, expected] = row;
    expect(judgeFolder({ ...folder, ...changes }, repository, { ...rules, ...others }).action).toBe(expected);
  });
});

test('the time of metadata is the newest of its parts', () => {
  const part = (time: string): string => `<data type="primary"><timestamp>${time}</timestamp></data>`;
  expect(newestTime(`<repomd>${part('1700000000')}${part('1700000009.6')}${part('5')}</repomd>`)).toBe(
    1700000010,
  );
  expect(newestTime('<rpm:timestamp> 12 </rpm:timestamp>')).toBe(12);
  expect(newestTime('<repomd><timestamp>soon</timestamp></repomd>')).toBe(0);
});
