import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TestHub } from '@koji/plugin-sdk/testing';
import { BuildRoot } from '../src/buildroot/index.js';
import type { BuildRootRequest } from '../src/buildroot/index.js';
import { fakeMock } from '../src/testing/index.js';
import type { FakeMock, FakeMockOptions } from '../src/testing/index.js';
import { buildRpm } from '../../koji-plugin-rpm2maven/test/support/rpms.js';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-buildroot-'));
const rpms: Record<string, string> = {};
let hub: TestHub;

/** Does with a fresh buildroot what the test says. */
class InRoot extends BaseTaskHandler {
  static override readonly Methods = ['inRoot'];

  async handler(request: BuildRootRequest): Promise<unknown> {
    return act(await BuildRoot.create(this, request), this);
  }
}

const fixtures = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms');

let act: (root: BuildRoot, task: BaseTaskHandler) => unknown = () => null;

beforeAll(async () => {
  hub = await startTestHub({ tags: ['other'] });
  await hub.admin.createTag('f44-build', null, 'x86_64 i686');
  for (const name of ['inner', 'outer']) {
    const files = buildRpm(folder, name, { install: 'true', files: '' });
    rpms[name] = files[1] ?? '';
    if (name === 'inner') await hub.addBuild(`${name}-1.0-1`, { files, tags: ['f44-build'] });
  }
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function newRepo(): Promise<number> {
  const builder = await hub.builder();
  const [id] = (await builder.call('host.repoInit', ['f44-build'])) as [number];
  await builder.call('host.repoDone', [id, {}]);
  return id;
}

let count = 0;
async function run(
  what: typeof act,
  {
    request = {},
    options = {},
    mock = {},
    repoId,
  }: {
    request?: Partial<BuildRootRequest>;
    options?: Record<string, unknown>;
    mock?: FakeMockOptions;
    repoId?: number;
  } = {},
): Promise<TaskRecord & { mock: FakeMock }> {
  const place = path.join(folder, `mock-${(count += 1)}`);
  mkdirSync(place);
  const made = await fakeMock(place, mock);
  act = what;
  const asked = { tag: 'f44-build', arch: 'x86_64', repoId: repoId ?? (await newRepo()), ...request };
  const record = await runTask(InRoot, [asked], { hub, options: { ...made.options, ...options } });
  return { ...record, mock: made };
}

const configOf = async ({ mock }: { mock: FakeMock }): Promise<string> =>
  (await mock.calls())[0]?.config ?? '';
const init = (root: BuildRoot) => root.init();

describe('the configuration of a buildroot', () => {
  test('has what kojid.conf says', async () => {
    const done = await run(init, {
      options: {
        vendor: 'Us',
        packager: 'You',
        distribution: 'Own',
        mockhost: 'own-linux',
        yum_proxy: 'http://proxy',
        rpmbuild_timeout: 60,
        topurl: 'http://a/kojifiles https://b',
      },
    });
    const config = await configOf(done);
    for (const line of [
      `config_opts['macros']['%vendor'] = 'Us'`,
      `config_opts['macros']['%packager'] = 'You'`,
      `config_opts['macros']['%distribution'] = 'Own'`,
      `config_opts['macros']['%_host'] = 'x86_64-own-linux'`,
      `config_opts['rpmbuild_timeout'] = 60`,
      `config_opts['basedir'] = '${done.mock.options.mockdir}'`,
      `config_opts['use_host_resolv'] = False`,
    ])
      expect(config).toContain(`${line}\n`);
    expect(config).toMatch(/proxy=http:\/\/proxy\\n/);
    expect(config).toMatch(
      /baseurl=http:\/\/a\/kojifiles\/repos\/f44-build\/(\d+)\/x86_64\\n        https:\/\/b\/repos\/f44-build\/\1\/x86_64\\n/,
    );
    expect(String(done.uploads.get('mock_config.log'))).toBe(config);
  });

  test('comes from the mounted files without a topurl', async () => {
    expect(await configOf(await run(init))).toContain(`baseurl=file://${hub.topdir}/repos/f44-build/`);
  });

  test('has what the task says', async () => {
    const config = await configOf(
      await run(init, {
        request: {
          arch: 'armhfp',
          installGroup: 'kiwi-build',
          setupDns: true,
          bindOptions: { dirs: { '/dev': '/dev' } },
        },
      }),
    );
    for (const line of [
      `config_opts['chroot_setup_cmd'] = 'install @kiwi-build'`,
      `config_opts['target_arch'] = 'armv7hl'`,
      `config_opts['rpmbuild_networking'] = True`,
      `config_opts['internal_dev_setup'] = False`,
      `config_opts['plugin_conf']['bind_mount_opts']['dirs'].append(('/dev', '/dev'))`,
    ])
      expect(config).toContain(`${line}\n`);
    expect(config).toContain(`config_opts['files']['etc/hosts'] = `);
    expect(config).toContain('/armhfp\\n');
  });

  test('has what the tag says', async () => {
    const extra = {
      'rpm.macro.dist': '.f44',
      'rpm.macro.count': 5,
      'rpm.env.LANG': 'C',
      'mock.package_manager': 'dnf5',
      'mock.use_bootstrap': 0,
      'mock.forcearch': true,
      'mock.releasever': '44',
      'mock.module_setup_commands': [['enable', 'x:y']],
      'mock.yum.module_hotfixes': 1,
      'mock.yum.best': 1,
      'mock.new_chroot': 0,
      'mock.bootstrap_image': 'registry.example/f44',
      'mock.bootstrap_image_ready': true,
      'mock.plugin_conf.sign_enable': true,
      'mock.plugin_conf.sign_opts.cmd': 'sign',
      'mock.plugin_conf.sign_opts.opts': '-x %(rpms)s',
    };
    await hub.admin.call('editTag2', ['f44-build'], { extra });
    try {
      const done = await run(init);
      const config = await configOf(done);
      for (const line of [
        `config_opts['macros']['%dist'] = '.f44'`,
        `config_opts['macros']['%count'] = '5'`,
        `config_opts['environment']['LANG'] = 'C'`,
        `config_opts['package_manager'] = 'dnf5'`,
        `config_opts['use_bootstrap'] = False`,
        `config_opts['use_bootstrap_image'] = False`,
        `config_opts['forcearch'] = 'x86_64'`,
        `config_opts['releasever'] = '44'`,
        `config_opts['module_setup_commands'] = [['enable', 'x:y']]`,
        `config_opts['plugin_conf']['sign_enable'] = True`,
        `config_opts['plugin_conf']['sign_opts']['opts'] = '-x %(rpms)s'`,
      ])
        expect(config).toContain(`${line}\n`);
      expect(config).toContain('name=build\\nbaseurl=');
      expect(config).toContain('\\nmodule_hotfixes=1\\nbest=1\\n');
      expect((await done.mock.calls())[0]?.args).toEqual([
        '--old-chroot',
        '--bootstrap-image-ready',
        '--init',
      ]);
      expect(done.log.join('\n')).toContain('forbidden on builder');
      const allowed = await configOf(await run(init, { options: { mock_bootstrap_image: true } }));
      expect(allowed).toContain(`config_opts['bootstrap_image'] = 'registry.example/f44'\n`);
      expect(allowed).toContain(`config_opts['use_bootstrap_image'] = True\n`);
      await hub.admin.call('editTag2', ['f44-build'], { remove_extra: ['mock.plugin_conf.sign_opts.cmd'] });
      await expect(run(init)).rejects.toThrow("Tag is not configured properly for mock's sign plugin");
    } finally {
      const left = Object.keys(extra).filter((key) => key !== 'mock.plugin_conf.sign_opts.cmd');
      await hub.admin.call('editTag2', ['f44-build'], { remove_extra: left });
    }
  });
});

describe('a buildroot', () => {
  test('is refused for another tag and for a repo that is gone', async () => {
    await expect(run(init, { request: { tag: 'other' } })).rejects.toThrow(
      'tag/repo mismatch: other vs f44-build',
    );
    const repoId = await newRepo();
    await hub.admin.call('repoExpire', [repoId]);
    await hub.admin.call('repoDelete', [repoId]);
    await expect(run(init, { repoId })).rejects.toThrow(`Requested repo (${repoId}) is DELETED`);
    await expect(run(init, { repoId: 9999 })).rejects.toThrow(/9999/);
  });

  test('may have a repo that is current no longer', async () => {
    const repoId = await newRepo();
    await hub.admin.call('repoExpire', [repoId]);
    const { log } = await run(init, { repoId });
    expect(log).toContain(`INFO Requested repo (${repoId}) is no longer current`);
  });

  test('is found again by its id', async () => {
    let id = 0;
    const done = await run(async (root, task) => {
      id = root.id;
      const again = await BuildRoot.open(task, root.id);
      expect([again.rootDir, again.tagName, again.arch]).toEqual([root.rootDir, 'f44-build', 'x86_64']);
      await root.startBuilding();
      await root.expire();
    });
    expect(done.mock.options.mockdir).toBeTruthy();
    expect(await hub.admin.call('getBuildroot', [id])).toMatchObject({ state: 3, task_id: done.id });
  });

  test('says which mock is missing', async () => {
    await expect(run(init, { options: { mockpath: '/nowhere/mock' } })).rejects.toThrow(
      'could not run /nowhere/mock: no such program',
    );
  });

  test('tells the log in which to look', async () => {
    for (const [code, log] of [
      [1, 'build.log or root.log'],
      [10, 'build.log'],
      [30, 'root.log'],
    ] as const)
      await expect(run(init, { mock: { fail: { init: code } } })).rejects.toThrow(
        `could not init mock buildroot, mock exited with status ${code}; see ${log} for more information`,
      );
  });
});

describe('paths', () => {
  test('are translated both ways and never lead out', async () => {
    await run(async (root) => {
      await root.init();
      const at = (...names: string[]): string => path.join(root.rootDir, ...names);
      expect(root.pathWithin(at('builddir', 'x'))).toBe('/builddir/x');
      expect(root.pathWithin(root.tmpDir)).toBe('/chroot_tmpdir');
      for (const out of ['/etc/passwd', `${root.rootDir}-bootstrap/x`, at('..', 'result')])
        expect(() => root.pathWithin(out)).toThrow('is not within the buildroot');
      symlinkSync('/etc', at('absolute'));
      symlinkSync('../../../../..', at('builddir', 'upward'));
      symlinkSync('loop', at('loop'));
      expect(await root.hostPath('/absolute/passwd')).toBe(at('etc', 'passwd'));
      expect(await root.hostPath('builddir/upward/etc/../x')).toBe(at('x'));
      expect(await root.hostPath('/../../..')).toBe(root.rootDir);
      await expect(root.hostPath('/loop/x')).rejects.toThrow('too many symbolic links');
    });
  });
});

describe('what is installed', () => {
  const listing = async (id: number): Promise<{ name: string; external_repo_name: string }[]> =>
    (await hub.admin.call('getBuildrootListing', [id])) as { name: string; external_repo_name: string }[];
  let id = 0;
  const note = async (root: BuildRoot): Promise<void> => {
    id = root.id;
    await root.init();
  };

  test('has the ids that the repo lists', async () => {
    const repoId = await newRepo();
    await run(note, { repoId, mock: { packages: [rpms.inner ?? ''] } });
    expect((await listing(id)).map(({ name }) => name)).toEqual(['inner']);
  });

  test('must be what the repo lists', async () => {
    const repoId = await newRepo();
    const list = path.join(hub.paths.repo(repoId, 'f44-build'), 'x86_64/rpmlist.jsonl');
    const row = { id: 1, name: 'inner', version: '1.0', release: '1', arch: 'noarch', payloadhash: 'ab' };
    writeFileSync(list, `${JSON.stringify(row)}\n`);
    await expect(run(note, { repoId, mock: { packages: [rpms.inner ?? ''] } })).rejects.toThrow(
      /^RPM: inner-1.0-1.noarch: payloadhash: \w{32} mismatch expected ab in .*rpmlist.jsonl$/,
    );
  });

  test('has rpms without an MD5 by the SHA-256 of their headers', async () => {
    const nomd5 = ['src', 'noarch'].map((arch) => path.join(fixtures, `nomd5-1.0-1.${arch}.rpm`));
    await hub.addBuild('nomd5-1.0-1', { files: nomd5, tags: ['f44-build'] });
    const repoId = await newRepo();
    const list = path.join(hub.paths.repo(repoId, 'f44-build'), 'x86_64/rpmlist.jsonl');
    const rows = readFileSync(list, 'utf8').trim().split('\n');
    const listed = rows.map((row) => JSON.parse(row) as { id: number; name: string; payloadhash: string });
    const row = listed.find(({ name }) => name === 'nomd5');
    expect(row?.payloadhash).toMatch(/^[0-9a-f]{64}$/);
    const mock = { packages: [nomd5[1] ?? ''] };
    await run(note, { repoId, mock });
    expect(await listing(id)).toMatchObject([{ rpm_id: row?.id, name: 'nomd5' }]);
    writeFileSync(list, `${JSON.stringify({ ...row, payloadhash: '0'.repeat(64) })}\n`);
    await expect(run(note, { repoId, mock })).rejects.toThrow(
      `RPM: nomd5-1.0-1.noarch: payloadhash: ${row?.payloadhash ?? ''} mismatch expected 0000`,
    );
  });

  test('is taken by name when an older hub made no list', async () => {
    const repoId = await newRepo();
    rmSync(path.join(hub.paths.repo(repoId, 'f44-build'), 'x86_64/rpmlist.jsonl'));
    const { log } = await run(note, { repoId, mock: { packages: [rpms.inner ?? ''] } });
    expect(log.join('\n')).toContain('Missing repo content file');
    expect((await listing(id)).map(({ name }) => name)).toEqual(['inner']);
  });

  test('from an external repo is told with that repo', async () => {
    await hub.admin.call('createExternalRepo', ['outside', 'http://outside/$arch/']);
    await hub.admin.call('addExternalRepoToTag', ['f44-build', 'outside', 10]);
    const repoId = await newRepo();
    const top = path.join(hub.paths.repo(repoId, 'f44-build'), 'x86_64/repodata');
    const origins = (lines: string[]): void => {
      mkdirSync(top, { recursive: true });
      writeFileSync(path.join(top, 'origins.txt.gz'), gzipSync(lines.map((line) => `${line}\n`).join('')));
      writeFileSync(
        path.join(top, 'repomd.xml'),
        `<repomd><data type="primary"><location href="repodata/p.gz"/></data>
         <data type="origin"><location href="repodata/origins.txt.gz"/></data></repomd>`,
      );
    };
    const packages = { packages: [rpms.inner ?? '', rpms.outer ?? ''] };
    const inside = `0:inner-1.0-1.noarch\tfile:///work/repo_${repoId}_premerge/`;
    origins([
      inside,
      '0:outer-1.0-1.noarch\thttp://outside/x86_64/',
      '0:more-1-1.noarch\thttp://outside/x86_64/',
    ]);
    await run(note, { repoId, mock: packages });
    const rows = (await listing(id)).map(({ name, external_repo_name: repo }) => [name, repo]);
    expect(rows.sort()).toEqual([
      ['inner', 'INTERNAL'],
      ['outer', 'outside'],
    ]);
    origins([inside]);
    await expect(run(note, { repoId, mock: packages })).rejects.toThrow('No origin for outer-1.0-1.noarch');
    origins([inside, 'outer-1.0-1.noarch http://elsewhere/']);
    await expect(run(note, { repoId, mock: packages })).rejects.toThrow(
      'Unknown origin for outer-1.0-1.noarch: http://elsewhere/',
    );
  });
});
