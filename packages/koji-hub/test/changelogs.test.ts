import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ChangelogEntry } from '@koji/core/api';
import { asking } from './support/asking.js';
import type { Asking } from './support/asking.js';
import { databases } from './support/databases.js';
import { faultOf, startTestHub } from './support/test-hub.js';
import type { TestHub } from './support/test-hub.js';

const source = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms/pkgc-1.2-3.src.rpm');

const third = {
  date: '2020-02-04 12:00:00',
  date_ts: 1580817600,
  author: 'Ann Other <ann@example.com> - 1.2-3',
  text: '- Third try\n- Fix bug #7',
};
const second = {
  date: '2020-02-03 12:00:00',
  date_ts: 1580731200,
  author: 'Ann Other <ann@example.com> - 1.2-2',
  text: '- Second try',
};

describe.each(databases)('changelogs on $name', (kind) => {
  let hub: TestHub;
  let anybody: Asking;

  beforeAll(async () => {
    hub = await startTestHub(kind, { DisableNotifications: 'yes' });
    const admin = await asking(hub, 'kojiadmin');
    anybody = await asking(hub, null);
    const upload = path.join(hub.kojiDir, 'work/a');
    const output = path.join(hub.kojiDir, 'work/tasks/7/10007');
    await mkdir(upload, { recursive: true });
    await mkdir(output, { recursive: true });
    await cp(source, path.join(upload, 'pkgc-1.2-3.src.rpm'));
    await cp(source, path.join(output, 'made.src.rpm'));
    await writeFile(path.join(output, 'broken.src.rpm'), 'no rpm');
    await admin('importRPM', ['a', 'pkgc-1.2-3.src.rpm']);
    await admin('createEmptyBuild', ['empty', '1', '1', null]);
  });
  afterAll(() => hub.stop());

  const entries = (args: readonly unknown[], named: object = {}): Promise<ChangelogEntry[]> =>
    anybody<ChangelogEntry[]>('getChangelogEntries', args, named);

  it("are those of a build's source rpm, by id, NVR or struct, in the order of the file", async () => {
    const { id } = await anybody<{ id: number }>('getBuild', ['pkgc-1.2-3']);
    for (const build of ['pkgc-1.2-3', id, { name: 'pkgc', version: '1.2', release: '3' }])
      await expect(entries([build])).resolves.toEqual([third, second]);
  });

  it("are those of a source rpm in a task's output", async () => {
    await expect(entries([null, 10007, 'made.src.rpm'])).resolves.toEqual([third, second]);
  });

  it.each([
    [{ author: second.author }, [second]],
    [{ author: 'Ann Other' }, []],
    [{ before: third.date_ts }, [second]],
    [{ after: second.date_ts }, [third]],
    [{ before: '2020-02-04' }, [second]],
    [{ before: '2020-02-04 12:00:01' }, [third, second]],
    [{ after: '2020-02-03 11:59:59', before: '2020-02-03 12:00:01' }, [second]],
    [{ after: 0, before: 'whenever' }, [third, second]],
  ])('are narrowed by %j', async (condition, expected) => {
    await expect(entries(['pkgc-1.2-3'], condition)).resolves.toEqual(expected);
  });

  it('are put in order, cut and counted', async () => {
    const withOpts = (queryOpts: object): Promise<unknown> => entries(['pkgc-1.2-3'], { queryOpts });
    await expect(withOpts({ order: 'date' })).resolves.toEqual([second, third]);
    await expect(withOpts({ order: '-date', limit: 1 })).resolves.toEqual([third]);
    await expect(withOpts({ offset: 1 })).resolves.toEqual([second]);
    await expect(withOpts({ countOnly: true })).resolves.toBe(2);
    await expect(withOpts({ asList: true, limit: 1 })).resolves.toEqual([
      [third.date, third.author, third.text],
    ]);
  });

  it('are empty for what is missing, and a fault when asked for strictly', async () => {
    const missing = [
      [['nosuch-1-1'], 'No such build: nosuch-1-1'],
      [[987654], 'No such build: 987654'],
      [['empty-1-1'], "Build empty-1-1 doesn't have srpms"],
      [
        [null, 10007, 'no.src.rpm'],
        `SRPM ${path.join(hub.kojiDir, 'work/tasks/7/10007/no.src.rpm')} doesn't exist`,
      ],
    ] as const;
    for (const [args, text] of missing) {
      await expect(entries(args)).resolves.toEqual([]);
      await expect(entries(args, { queryOpts: { countOnly: true } })).resolves.toBe(0);
      await expect(faultOf(entries(args, { strict: true }))).resolves.toEqual([1000, text]);
    }
  });

  it('are not read from outside of the task, from anything but an rpm, or by conditions that make no sense', async () => {
    const faults = [
      [[], {}, 1000, 'either buildID or taskID and filepath must be specified'],
      [[null, 10007], {}, 1000, 'filepath must be specified with taskID'],
      [[null, 10007, '../x'], {}, 1000, 'Invalid filepath: ../x'],
      [[null, 10007, '..'], {}, 1000, 'Invalid filepath: ..'],
      [[null, 10007, '/etc/passwd'], {}, 1000, 'Invalid filepath: /etc/passwd'],
      [['pkgc-1.2-3'], { before: [1] }, 1000, "Invalid type for before: <class 'list'>"],
      [['pkgc-1.2-3'], { after: { a: 1 } }, 1000, "Invalid type for after: <class 'dict'>"],
      [['pkgc-1.2-3'], { after: '2020-02-31' }, 1019, "after is no date: '2020-02-31'"],
    ] as const;
    for (const [args, named, code, text] of faults)
      await expect(faultOf(entries(args, named))).resolves.toEqual([code, text]);
    const [code, text] = await faultOf(entries([null, 10007, 'broken.src.rpm']));
    expect(code).toBe(1000);
    expect(text).toMatch(/^cannot read .*broken\.src\.rpm: /);
  });

  it('are empty once the files of the build are gone', async () => {
    await rm(path.join(hub.kojiDir, 'packages/pkgc/1.2/3/src'), { recursive: true });
    await expect(entries(['pkgc-1.2-3'])).resolves.toEqual([]);
  });
});
