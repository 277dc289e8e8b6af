import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CallbackError } from '@koji/core';
import { Scm } from '@koji/builder/scm';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/builder.js';
import { gitSite } from '../../koji-builder/test/support/git.js';
import type { GitSite } from '../../koji-builder/test/support/git.js';

/** Uses sources from source control. */
class Uses extends BaseTaskHandler {
  static override readonly Methods = ['uses', 'misuses'];

  async handler(url: string, buildTag: string | number, scratch: boolean): Promise<string> {
    const scm = Scm.parse(url);
    await scm.assertAllowed(this, { scratch });
    const { origin } = await scm.checkout(this, path.join(this.workdir, 'sources'), { buildTag, scratch });
    return origin.source;
  }
}

/** Says that sources were checked out, wherever. */
class Claims extends BaseTaskHandler {
  static override readonly Methods = ['claims'];

  async handler(srcdir: string): Promise<void> {
    const scminfo = {
      url: 'svn://svn.example.com/repo#1',
      scheme: 'svn://',
      user: null,
      host: 'svn.example.com',
      repository: '/repo',
      module: '',
      revision: '1',
      scmtype: 'SVN',
    };
    const about = { scminfo, build_tag: 'f44-build', scratch: false };
    await this.runCallbacks('postSCMCheckout', { ...about, srcdir });
  }
}

const rules = `
  match scm_repository /secret.git :: deny this one is not for building
  method misuses :: deny not by this task
  bool scratch && buildtag f44-build :: allow
  match scm_type GIT && match_any branches f44 :: allow
  user bob :: allow
  all :: deny builds are made from release branches`;

let hub: TestHub;
let site: GitSite;
const commits: Record<string, string> = {};

beforeAll(async () => {
  hub = await startTestHub({ policies: { scm: rules }, tags: ['f44-build', 'f43-build'] });
  site = await gitSite();
  commits.shared = site.commit('bash', { spec: '1' });
  commits.main = site.commit('bash', { spec: '2' });
  site.git('bash', 'branch', 'f44', commits.shared);
  site.git('bash', 'branch', 'HEADLESS', commits.main);
  site.commit('secret', { spec: '1' }, 'f44');
});
afterAll(async () => {
  await site.stop();
  await hub.stop();
});

interface Asked {
  readonly revision?: string;
  readonly repository?: string;
  readonly tag?: string;
  readonly scratch?: boolean;
  readonly method?: string;
}

const run = (
  { revision = 'f44', repository = 'bash', tag = 'f44-build', scratch = false, method = 'uses' }: Asked,
  on = hub,
): Promise<TaskRecord> =>
  runTask(Uses, [`git+http://${site.host}/${repository}.git#${revision}`, tag, scratch], {
    hub: on,
    method,
    options: { allowed_scms: '*:*:no' },
    plugins: { scmpolicy: plugin },
  });

test('sources are used that the policy allows, by the branches that have them', async () => {
  const { id, result } = await run({});
  expect(result).toBe(`git+http://${site.host}/bash.git#${commits.shared}`);
  expect(await hub.admin.getTaskResult(id)).toBe(result);
  // Its commit is on f44 too.
  expect((await run({ revision: commits.shared ?? '' })).result).toBe(result);
});

test('a task with other sources fails, with the reason that the policy gives', async () => {
  const refused = run({ revision: 'main' });
  await expect(refused).rejects.toBeInstanceOf(CallbackError);
  await expect(refused).rejects.toThrow(
    /^Error running postSCMCheckout callback from scmpolicy:\nActionNotAllowed: policy violation.*builds are made from release branches/,
  );
  const [task] = (await hub.admin.listTasks(
    { method: 'uses', state: [5] },
    { order: '-id', limit: 1 },
  )) as unknown as { id: number }[];
  await expect(hub.admin.getTaskResult(task?.id ?? 0)).rejects.toThrow(
    'builds are made from release branches',
  );
});

test('the policy gets tag, method, scratch and the URL', async () => {
  expect((await run({ revision: 'main', scratch: true })).result).toContain(commits.main);
  await expect(run({ revision: 'main', scratch: true, tag: 'f43-build' })).rejects.toThrow(
    'release branches',
  );
  await expect(run({ method: 'misuses' })).rejects.toThrow('not by this task');
  await expect(run({ repository: 'secret' })).rejects.toThrow('this one is not for building');
});

test('the policy gets all branches, and which user it is about', async () => {
  const data = await new Promise<Record<string, unknown>>((resolve, reject) => {
    runTask(Uses, [`git+http://${site.host}/bash.git#main~1`, 'f44-build', false], {
      calls: {
        getTaskInfo: { id: 1, owner: 7, channel_id: 3, method: 'uses' },
        'host.assertPolicy': (name: string, asked: Record<string, unknown>) => {
          resolve({ name, ...asked });
          return null;
        },
      },
      options: { allowed_scms: '*:*:no' },
      plugins: { scmpolicy: plugin },
    }).catch(reject);
  });
  expect(data).toEqual({
    name: 'scm',
    build_tag: 'f44-build',
    method: 'uses',
    scratch: false,
    branches: ['HEADLESS', 'f44', 'main'],
    user_id: 7,
    scm_url: `git+http://${site.host}/bash.git#main~1`,
    scm_scheme: 'git+http://',
    scm_user: null,
    scm_host: site.host,
    scm_repository: '/bash.git',
    scm_module: '',
    scm_revision: 'main~1',
    scm_type: 'GIT',
  });
});

test('sources that are not in git are not allowed', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'no-git-'));
  const claims = runTask(Claims, [folder], { hub, plugins: { scmpolicy: plugin } });
  await expect(claims).rejects.toThrow('Error getting branches for git checkout');
  rmSync(folder, { recursive: true, force: true });
});

test('without such a policy the hub decides by what it does with missing ones', async () => {
  for (const [MissingPolicyOk, outcome] of [
    ['True', 'resolves'],
    ['False', 'rejects'],
  ] as const) {
    const other = await startTestHub({ options: { MissingPolicyOk }, tags: ['f44-build'] });
    try {
      const ran = await run({}, other).then(
        () => 'resolves',
        () => 'rejects',
      );
      expect(ran).toBe(outcome);
    } finally {
      await other.stop();
    }
  }
});
