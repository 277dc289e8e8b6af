import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { REPO_STATES } from '@koji/core';
import type { TaggedRpm } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { RefuseTask } from '@koji/plugin-sdk';
import { runTask } from '@koji/plugin-sdk/testing';
import { CreateDistRepoTask } from '../src/tasks/create-dist-repo.js';
import { missingSignatures, planDistRpms } from '../src/tasks/dist-rpms.js';
import { addSignature, makeKey, type SigningKey } from './support/signing.js';
import { Site } from './support/site.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';

let site: Site;
let key: SigningKey;

beforeAll(async () => {
  site = await Site.create({ RunInterval: '1' });
  mkdirSync(site.path('rpms'));
  key = makeKey(site.folder);
  await site.session.createTag('f44', null, 'x86_64 i686');
  for (const name of ['inner', 'inner-debuginfo', 'plain']) {
    for (const file of buildRpm(site.path('rpms'), name, { install: 'true', files: '' })) {
      await site.session.upload(file, 'test');
      await site.session.importRPM('test', path.basename(file));
      if (name === 'plain') continue;
      const signed = site.path(path.basename(file));
      copyFileSync(file, signed);
      key.sign(signed);
      const nvra = path.basename(file, '.rpm');
      await addSignature(site.session, nvra, signed);
      if (name === 'inner') await site.session.writeSignedRPM(nvra, key.id);
    }
    await site.session.packageListAdd('f44', name, 'kojiadmin');
  }
  await site.session.addHostToChannel('builder', 'createrepo');
  await site.startBuilder();
});
afterAll(() => {
  key.stop();
  return site.stop();
});

let count = 0;
async function newTag(...packages: string[]): Promise<string> {
  const name = `dist-${(count += 1)}`;
  await site.session.createTag(name, 'f44', 'x86_64 i686');
  for (const one of packages) await site.session.tagBuildBypass(name, `${one}-1.0-1`);
  return name;
}

const request = (tag: string, options: Record<string, unknown> = {}): Promise<number> =>
  site.session.distRepo(tag, [key.id.toUpperCase()], named({ arch: ['x86_64', 'i686'], ...options }));

async function makeRepo(
  tag: string,
  options: Record<string, unknown> = {},
): Promise<{ id: number; task: number }> {
  const task = await request(tag, options);
  await site.reach(task, 'CLOSED');
  const result = String(await site.session.getTaskResult(task));
  expect(result).toMatch(/^Dist repository #\d+ successfully generated$/);
  const id = Number(/\d+/.exec(result)?.[0]);
  expect(await site.session.repoInfo(id)).toMatchObject({ state: REPO_STATES.READY, dist: true });
  return { id, task };
}

async function failure(
  tag: string,
  options: Record<string, unknown> = {},
): Promise<{ text: string; log: string }> {
  const task = await request(tag, options);
  await site.reach(task, 'FAILED');
  const text = await site.session.getTaskResult(task).then(
    () => 'no failure',
    (error: unknown) => String(error),
  );
  const [child] = await site.session.call<{ id: number }[]>('listTasks', [{ parent: task, state: [5] }]);
  const log = /missing_\w+\.log/.exec(text)?.[0] ?? '';
  return { text, log: String(await site.session.readTaskOutput(child?.id ?? 0, log)) };
}

const below = (tag: string, id: number, ...names: string[]): string =>
  site.path('koji/repos-dist', tag, String(id), ...names);

function packagesIn(folder: string): string[] {
  const data = path.join(folder, 'repodata');
  const file = readdirSync(data).find((name) => name.includes('primary.xml')) ?? '';
  const text = gunzipSync(readFileSync(path.join(data, file))).toString();
  return [...text.matchAll(/<location href="([^"]*)"/g)].map(([, place = '']) => place).sort();
}

test('a repo has the signed copies, for each arch', async () => {
  const tag = await newTag('inner');
  const { id } = await makeRepo(tag);
  for (const arch of ['x86_64', 'i386']) {
    expect(packagesIn(below(tag, id, arch))).toEqual(['Packages/i/inner-1.0-1.noarch.rpm']);
    const file = below(tag, id, arch, 'Packages/i/inner-1.0-1.noarch.rpm');
    const shown = execFileSync('rpm', ['-qp', '--nosignature', '--qf', '%{RSAHEADER:pgpsig}', file]);
    expect(String(shown)).toContain(key.id);
    expect(existsSync(below(tag, id, arch, 'pkglist'))).toBe(true);
  }
});

test('an arch without content has an empty repo that says so', async () => {
  const { id } = await makeRepo(await newTag(), { arch: ['x86_64'] });
  expect(packagesIn(below(`dist-${count}`, id, 'x86_64'))).toEqual([]);
  expect(existsSync(below(`dist-${count}`, id, 'x86_64/repodata/EMPTY_REPO'))).toBe(true);
});

test('rpms without the signature fail it, unless they may be left out or be there unsigned', async () => {
  const tag = await newTag('inner', 'plain');
  const { text, log } = await failure(tag, { arch: ['x86_64'] });
  expect(text).toContain('Unsigned packages found. See missing_signatures.log');
  expect(log).toBe(
    'Some rpms were missing requested signatures.\n' +
      `Requested keys: ['${key.id}']\n\n# RPM name: available keys\nplain-1.0-1.noarch: ['']\n`,
  );
  const inner = 'Packages/i/inner-1.0-1.noarch.rpm';
  const skipped = await makeRepo(tag, { arch: ['x86_64'], skip_missing_signatures: true });
  expect(packagesIn(below(tag, skipped.id, 'x86_64'))).toEqual([inner]);
  const allowed = await makeRepo(tag, { arch: ['x86_64'], allow_missing_signatures: true });
  expect(packagesIn(below(tag, allowed.id, 'x86_64'))).toEqual([inner, 'Packages/p/plain-1.0-1.noarch.rpm']);
});

test('signed copies that are missing fail it, or are written first', async () => {
  const tag = await newTag('inner', 'inner-debuginfo');
  const { text, log } = await failure(tag, { arch: ['x86_64'] });
  expect(text).toContain('Packages missing from the filesystem. See missing_files.log.');
  expect(log).toContain(`/data/signed/${key.id}/noarch/inner-debuginfo-1.0-1.noarch.rpm\n`);
  const { id, task } = await makeRepo(tag, {
    arch: ['x86_64'],
    write_signed_rpms: true,
    split_debuginfo: true,
  });
  const [child] = await site.session.call<{ id: number }[]>('getTaskChildren', [task]);
  expect(String(await site.session.readTaskOutput(child?.id ?? 0, 'written_signed_rpms.log'))).toMatch(
    new RegExp(`^(Signed RPM \\d+ is written with ${key.id} key\\.\n){2}$`),
  );
  expect(packagesIn(below(tag, id, 'x86_64'))).toEqual(['Packages/i/inner-1.0-1.noarch.rpm']);
  expect(packagesIn(below(tag, id, 'x86_64/debug'))).toEqual([
    '../Packages/i/inner-debuginfo-1.0-1.noarch.rpm',
  ]);
});

test('older metadata of the tag are used again', async () => {
  const tag = await newTag('inner');
  const logOf = async (task: number): Promise<string> => {
    const [child] = await site.session.call<{ id: number }[]>('getTaskChildren', [task]);
    return String(await site.session.readTaskOutput(child?.id ?? 0, 'createrepo.log'));
  };
  expect(await logOf((await makeRepo(tag, { arch: ['x86_64'] })).task)).not.toContain('--update');
  const again = await makeRepo(tag, { arch: ['x86_64'], createrepo_skip_stat: true });
  expect(await logOf(again.task)).toContain('--update --skip-stat');
  expect(packagesIn(below(tag, again.id, 'x86_64'))).toEqual(['Packages/i/inner-1.0-1.noarch.rpm']);
});

test('a builder refuses what it can’t do, and says why', async () => {
  const run = (options: object, topdir: string) =>
    runTask(CreateDistRepoTask, ['f44', 1, 'x86_64', [], { event: 1, arch: [], ...options }], { topdir });
  await expect(run({}, site.path('not-mounted'))).rejects.toThrow(RefuseTask);
  await expect(run({}, site.path('not-mounted'))).rejects.toThrow('No access to repos dir');
  await expect(run({ multilib: 'x' }, site.path('koji'))).rejects.toThrow('modules dnf and multilib');
});

describe('the choice of signatures', () => {
  const rpm = (id: number, sigkey: string): TaggedRpm =>
    ({ id, name: `n${id}`, version: '1', release: '1', arch: 'noarch', sigkey }) as TaggedRpm;
  const anyKey = fc.constantFrom('', 'aaaa', 'bbbb', 'cccc');

  test('is for each rpm the best of the wanted keys that it has', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.nat(3), anyKey), { selector: String }),
        fc.uniqueArray(anyKey.filter(Boolean)),
        (rows, keys) => {
          const { chosen, unsigned } = planDistRpms(
            rows.map(([id, one]) => rpm(id, one)),
            keys.map((one) => one.toUpperCase()),
          );
          for (const id of new Set(rows.map(([id]) => id))) {
            const own = rows.filter(([other]) => other === id).map(([, one]) => one);
            const best = keys.find((one) => own.includes(one)) ?? null;
            const found =
              chosen.find((one) => one.id === id) ?? unsigned.find((one) => one.rpm.id === id)?.rpm;
            expect(found?.sigkey).toBe(best);
          }
          expect(chosen.length + unsigned.length).toBe(new Set(rows.map(([id]) => id)).size);
        },
      ),
    );
  });

  test('tells what was left out', () => {
    const { unsigned } = planDistRpms([rpm(2, 'dddd'), rpm(1, '')], []);
    expect(missingSignatures(unsigned, [], true)).toMatch(
      /were excluded\.\nRequested keys: \[\]\n\n.*\nn1-1-1\.noarch: \[''\]\nn2-1-1\.noarch: \['dddd'\]\n$/,
    );
  });
});
