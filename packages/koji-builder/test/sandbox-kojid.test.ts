import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { machine } from 'node:os';
import path from 'node:path';
import { ClientSession } from '@koji/client';
import { PathInfo } from '@koji/core';
import { kojidOptions, readOptions } from '@koji/core/config';
import { mountsBelow } from '../src/buildroot/mounts.js';
import { problemOf } from '../src/buildroot/needs.js';
import { removeTrees } from '../src/buildroot/remove.js';
import { asRootWords } from '../src/buildroot/userns.js';
import { fillRepo, makeDistribution, urlOf } from './support/distribution.js';
import { Site, until } from './support/site.js';

const defaults = readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' });
const problem = await problemOf('sandbox', { ...defaults, rootsdir: '/var/tmp/koji-sandbox-test' });
const describeHere = problem === null ? describe : describe.skip;

/** Something that only the programs of one test have among their arguments. */
const marked = (mark: number): number =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line === `sleep ${mark}`).length;

describeHere('a kojid with sandboxes', () => {
  let site: Site;
  let repoId: number;
  beforeAll(async () => {
    site = await Site.create();
    const distribution = site.path('distribution');
    makeDistribution(distribution);
    await site.session.createTag('f44-build', null, machine());
    await site.session.call('createExternalRepo', ['machine', urlOf(distribution)]);
    await site.session.call('addExternalRepoToTag', ['f44-build', 'machine', 10]);
    const builder = new ClientSession(site.url);
    await builder.login('builder', 'builder');
    await builder.exclusiveSession(true);
    [repoId] = await builder.call<[number]>('host.repoInit', ['f44-build']);
    await builder.call('host.repoDone', [repoId, {}]);
    await builder.logout();
    await builder.close();
    fillRepo(distribution, new PathInfo(site.path('koji')).repo(repoId, 'f44-build'));
  });
  afterEach(() => site.stopBuilders());
  afterAll(async () => {
    // Without root, what builds have made belongs to accounts of this user's range.
    await removeTrees([site.path('roots')], undefined, asRootWords());
    await site.stop();
  });

  test.each<[string, number, (builder: { signal: (name: NodeJS.Signals) => void }, id: number) => unknown]>([
    ['cancelled', 98_701, (_, id) => site.session.cancelTask(id)],
    ['whose kojid is killed', 98_702, (builder) => builder.signal('SIGKILL')],
  ])('leaves no process and no mount of a task %s', async (_, mark, end) => {
    const rootsdir = site.path('roots');
    const builder = await site.startBuilder({ plugins: 'sandboxed', rootsdir });
    const id = await site.session.makeTask('sandboxed', ['f44-build', machine(), repoId, mark]);
    await until(
      'both programs run',
      async () => {
        if ((await site.state(id)) === 'FAILED')
          throw new Error(
            `${String(await site.session.getTaskResult(id).catch(String))}\n${site.log().slice(-3000)}`,
          );
        return marked(mark) === 2;
      },
      280,
    );
    // Mounts are those of the task's process alone; the layer is on the disk.
    expect(await mountsBelow(rootsdir)).toEqual([]);
    const name =
      readdirSync(rootsdir)
        .filter((one) => one.startsWith('f44-build-'))
        .sort()
        .at(-1) ?? '';
    expect(existsSync(path.join(rootsdir, name, 'upper/builddir/started'))).toBe(true);
    await end(builder, id);
    await until('all of them are gone', () => marked(mark) === 0, 60);
    expect(await mountsBelow(rootsdir)).toEqual([]);
    await builder.stop();
  });
});

if (problem !== null) test.todo(`is not tried here: ${problem}`);
