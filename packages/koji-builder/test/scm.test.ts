import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BuildError, GenericError, entriesBelow } from '@koji/core';
import { BaseTaskHandler, callback } from '@koji/plugin-sdk';
import type { CallbackPayloads } from '@koji/plugin-sdk';
import { runTask, startTestHub } from '@koji/plugin-sdk/testing';
import type { TaskRecord, TaskTestOptions } from '@koji/plugin-sdk/testing';
import { Scm } from '../src/scm/index.js';
import type { CheckoutOptions } from '../src/scm/index.js';
import { freePort } from '../../../scripts/ports.mjs';
import { gitSite } from './support/git.js';
import type { GitSite } from './support/git.js';

/** Checks out what it is told, and answers what came of it. */
class Sources extends BaseTaskHandler {
  static override readonly Methods = ['sources'];

  async handler(
    url: string,
    { check = true, ...about }: Partial<CheckoutOptions> & { check?: boolean } = {},
  ) {
    const scm = Scm.parse(url, { allowPassword: true });
    if (check) await scm.assertAllowed(this, { scratch: about.scratch ?? false });
    const folder = path.join(this.workdir, 'sources');
    const done = await scm.checkout(this, folder, { buildTag: 5, scratch: false, ...about });
    const texts: Record<string, string> = {};
    for await (const entry of entriesBelow(done.folder)) {
      if (!entry.isFile() || /\/\.git(\/|$)/.test(entry.parentPath)) continue;
      const file = path.join(entry.parentPath, entry.name);
      texts[path.relative(done.folder, file)] = readFileSync(file, 'utf8');
    }
    return {
      ...{ origin: done.origin, sourceCommand: [...(done.sourceCommand ?? ['none'])] },
      folder: path.relative(folder, done.folder),
      texts,
      common: existsSync(path.join(done.folder, '../common/Makefile.common')),
    };
  }
}

type Result = Awaited<ReturnType<Sources['handler']>>;
const calls = {
  getTaskInfo: { id: 1, owner: 7, channel_id: 3, method: 'sources' },
  getChannel: { id: 3, name: 'images' },
};
const everything = { allowed_scms: '*:*:no' };

async function checkout(
  url: string,
  {
    about = {},
    options = {},
    ...more
  }: Omit<TaskTestOptions, 'named'> & { about?: Record<string, unknown> } = {},
): Promise<TaskRecord & { result: Result; checkoutLog: string }> {
  const record = await runTask(Sources, [url], {
    named: about,
    ...(more.hub ? {} : { calls }),
    options: { ...everything, ...options },
    ...more,
  });
  return {
    ...record,
    result: record.result as Result,
    checkoutLog: String(record.uploads.get('checkout.log') ?? ''),
  };
}

describe('which SCMs are allowed', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-scm-programs-'));
  const { PATH } = process.env;
  beforeAll(() => {
    // Makes the folder that its last argument names, so that what is allowed ends with a checkout.
    const program = '#!/bin/sh\nfor last; do :; done\nmkdir -p "$last"\n';
    writeFileSync(path.join(folder, 'svn'), program, { mode: 0o755 });
    process.env.PATH = `${folder}:${PATH}`;
  });
  afterAll(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true, force: true });
  });

  const config = `
    bogus-entry
    goodserver:*:no
    !badserver:*
    !maybeserver:/badpath/*
    maybeserver:*:no
    nocommon:*:OFF
    srccmd:*:no:fedpkg,sources
    nosrc:*:no:
    mixed:/foo/*:no
    mixed:/bar/*:no:a,b
    withport?8443:*:no:
  `;
  const allowed = (url: string, options: object = { allowed_scms: config }) =>
    checkout(url, { options: { ...options } });

  test.each([
    ['svn://goodserver/path1?m#1234', ['make', 'sources']],
    ['svn://GoodServer/path1?m#1234', ['make', 'sources']],
    ['svn://maybeserver/path1?m#1234', ['make', 'sources']],
    ['svn://nocommon/x?m#1234', ['make', 'sources']],
    ['svn://srccmd/x?m#1234', ['fedpkg', 'sources']],
    ['svn://nosrc/x?m#1234', ['none']],
    ['svn://mixed/bar/x?m#1234', ['a', 'b']],
    // A colon ends the pattern of the host, so that `?` stands for the one before a port.
    ['svn://withport:8443/x?m#1234', ['none']],
  ])('kojid.conf allows %s', async (url, sourceCommand) => {
    const { result, log } = await allowed(url);
    expect(result).toMatchObject({ sourceCommand });
    expect(log).toContain('WARN Ignoring incorrectly formatted SCM host:repository: bogus-entry');
  });

  test.each([
    ['svn://badserver/projects/42?m#1', 'badserver:/projects/42'],
    ['svn://BADSERVER/projects/42?m#1', 'badserver:/projects/42'],
    ['svn://maybeserver//badpath/project?m#1', 'maybeserver:/badpath/project'],
    ['svn://maybeserver/good/..//badpath/project?m#1', 'maybeserver:/badpath/project'],
    ['svn://mixed/x?m#1', 'mixed:/x'],
    ['svn://elsewhere/x?m#1', 'elsewhere:/x'],
    ['svn://withport/x?m#1', 'withport:/x'],
    ['svn://withport:844/x?m#1', 'withport:844:/x'],
    // The port is part of the host.
    ['svn://goodserver:81/x?m#1', 'goodserver:81:/x'],
  ])('kojid.conf does not allow %s', async (url, what) => {
    const refused = allowed(url);
    await expect(refused).rejects.toBeInstanceOf(BuildError);
    await expect(refused).rejects.toThrow(`${what} is not in the list of allowed SCMs`);
  });

  test('nothing is allowed by default, and the entries of a builder can be left unasked', async () => {
    await expect(allowed('svn://host/x?m#1', { allowed_scms: '' })).rejects.toThrow('is not in the list');
    const unasked = { allowed_scms: '!*:*', allowed_scms_use_config: false };
    expect((await allowed('svn://host/x?m#1', unasked)).result).toMatchObject({
      sourceCommand: ['make', 'sources'],
    });
  });

  test('the hub decides by the whole URL, the task and what the task says', async () => {
    const asked: unknown[] = [];
    const evalPolicy = (...args: unknown[]): string => {
      asked.push(...args.slice(0, 2));
      return 'allow';
    };
    await runTask(Sources, ['git+https://ann@host:8/x?m#v'], {
      named: { scratch: true },
      calls: { ...calls, evalPolicy },
      options: { allowed_scms_use_config: false, allowed_scms_use_policy: true },
    }).catch(() => null);
    expect(asked).toEqual([
      'build_from_scm',
      {
        scm_url: 'git+https://ann@host:8/x?m#v',
        scm_scheme: 'git+https://',
        scm_user: 'ann',
        scm_host: 'host:8',
        scm_repository: '/x',
        scm_module: 'm',
        scm_revision: 'v',
        scm_type: 'GIT',
        user_id: 7,
        channel: 'images',
        scratch: true,
      },
    ]);
  });

  test.each([
    ['allow', 'a:*:no:x,y', ['x', 'y'], false],
    ['YES', '*:*', ['make', 'sources'], false],
    ['allowed use_common', '*:*:no', ['make', 'sources'], true],
    ['true fedpkg sources', '*:*:yes:', ['fedpkg', 'sources'], false],
    ['allow Use_Common fedpkg sources', '*:*:no', ['fedpkg', 'sources'], true],
    ['allow none', '*:*', ['none'], false],
    ['allow use_common None', '*:*', ['none'], true],
  ])('the hub answers "%s"', async (answer, entries, sourceCommand, common) => {
    const { result, checkoutLog } = await checkout('svn://a/x?m#1', {
      calls: { ...calls, evalPolicy: answer },
      options: { allowed_scms: entries, allowed_scms_use_policy: true },
    });
    expect(result.sourceCommand).toEqual(sourceCommand);
    expect(checkoutLog.includes('svn://a/x/common')).toBe(common);
  });

  test.each([
    ['deny', 'None'],
    [null, 'None'],
    ['deny not on Fridays', 'not on Fridays'],
    ['maybe later', 'later'],
  ])('the hub does not allow it: %j', async (answer, reason) => {
    const options = { allowed_scms_use_policy: true };
    const refused = checkout('svn://a/x?m#1', { calls: { ...calls, evalPolicy: answer }, options });
    await expect(refused).rejects.toBeInstanceOf(BuildError);
    await expect(refused).rejects.toThrow(`SCM: a:/x is not allowed, reason: ${reason}`);
  });

  test('nothing is checked out that nobody was asked about', async () => {
    await expect(checkout('svn://a/x?m#1', { about: { check: false } })).rejects.toThrow(
      'assertAllowed comes before',
    );
  });
});

describe('a checkout', () => {
  let site: GitSite;
  let first: string;
  let second: string;

  beforeAll(async () => {
    site = await gitSite();
    first = site.commit('rpms/bash', { 'bash.spec': 'first', 'sub/deep/file': 'below' });
    site.git('rpms/bash', 'tag', '-a', '-m', 'for a test', 'v1');
    second = site.commit('rpms/bash', {
      'bash.spec': 'second',
      out: '-> /etc',
      beside: '-> ..',
      self: '-> sub',
    });
    site.commit('rpms/bash', { 'bash.spec': 'for f44' }, 'f44');
    site.commit('rpms/common', { 'Makefile.common': 'all:' });
    site.commit('-rf', { file: 'x' });
  });
  afterAll(() => site.stop());

  const url = (revision = 'main', module = '', repository = 'rpms/bash.git') =>
    `git+http://${site.host}/${repository}?${module}#${revision}`;

  test('brings the sources of a branch, and tells where they are from', async () => {
    const { result, checkoutLog } = await checkout(url());
    expect(result).toMatchObject({
      folder: 'bash',
      texts: { 'bash.spec': 'second', 'sub/deep/file': 'below' },
      sourceCommand: ['make', 'sources'],
      origin: { url: url(), source: `git+http://${site.host}/rpms/bash.git#${second}` },
    });
    expect(checkoutLog).toContain(`$ git clone -n -- http://${site.host}/rpms/bash.git bash\n`);
    expect(checkoutLog).toMatch(/\$ git fetch origin main\n[^]*\$ git reset --hard FETCH_HEAD --\n/);
  });

  test('brings what a tag, a commit, a part of its id or an expression name', async () => {
    for (const [revision, text] of [
      ['v1', 'first'],
      [first, 'first'],
      [first.slice(0, 8), 'first'],
      ['f44', 'for f44'],
      ['origin/f44', 'for f44'],
      ['main~1', 'first'],
    ] as const)
      expect((await checkout(url(revision))).result.texts['bash.spec']).toBe(text);
  });

  test('brings one folder of a repository, also behind a link in it', async () => {
    const { result } = await checkout(url('main', 'sub/deep'));
    expect(result).toMatchObject({ folder: 'bash/sub/deep', texts: { file: 'below' } });
    expect(result.origin.source).toBe(`git+http://${site.host}/rpms/bash.git?sub/deep#${second}`);
    expect((await checkout(url('main', 'self/deep'))).result.texts).toEqual({ file: 'below' });
  });

  test('brings no folder that does not exist, or somewhere else', async () => {
    await expect(checkout(url('main', 'nowhere'))).rejects.toThrow(
      "/rpms/bash.git has no folder 'nowhere' at main",
    );
    await expect(checkout(url('main', 'bash.spec'))).rejects.toThrow("has no folder 'bash.spec'");
    for (const link of ['out', 'beside'])
      await expect(checkout(url('main', link))).rejects.toThrow(
        `'${link}' of /rpms/bash.git is a link that leads out of the checkout`,
      );
  });

  test('brings the common folder beside the sources, when asked to', async () => {
    const withCommon = { allowed_scms: '*:*' };
    for (const module of ['', 'sub/deep', 'self/deep']) {
      const { result, checkoutLog } = await checkout(url('main', module), { options: withCommon });
      expect([module, result.common]).toEqual([module, true]);
      expect(checkoutLog).toContain(`$ git clone -- http://${site.host}/rpms/common.git common\n`);
    }
    expect((await checkout(url())).result.common).toBe(false);
  });

  test('takes a name that looks like an option for a name', async () => {
    expect((await checkout(url('main', '', '-rf.git'))).result).toMatchObject({
      folder: '-rf',
      texts: { file: 'x' },
    });
  });

  test('that fails is a BuildError that names the command, and the log has the rest', async () => {
    const missing = checkout(url('main', '', 'rpms/zsh.git'));
    await expect(missing).rejects.toBeInstanceOf(BuildError);
    await expect(missing).rejects.toThrow(
      `Error running GIT command "git clone -n -- http://${site.host}/rpms/zsh.git zsh", see checkout.log for details`,
    );
    await expect(checkout(url('nowhere'), { about: { log: 'own.log' } })).rejects.toThrow(
      'Error running GIT command "git reset --hard nowhere --", see own.log for details',
    );
  });

  test('is done between the callbacks of plugins, which are told about it', async () => {
    const told: {
      event: string;
      payload: CallbackPayloads['preSCMCheckout'] & { srcdir?: string };
      files: unknown;
    }[] = [];
    const note = callback(
      'preSCMCheckout',
      'postSCMCheckout',
    )((event, payload) => {
      const srcdir = 'srcdir' in payload ? payload.srcdir : undefined;
      told.push({ event, payload, files: srcdir === undefined ? null : readdirSync(srcdir) });
    });
    const buildTag = { id: 5, name: 'f44-build' };
    await checkout(url('main', 'sub'), { about: { buildTag, scratch: true }, plugins: { note: { note } } });
    expect(told.map(({ event, files }) => [event, files])).toEqual([
      ['preSCMCheckout', null],
      ['postSCMCheckout', ['deep']],
    ]);
    for (const { event, payload } of told) {
      const { session, srcdir, ...rest } = payload;
      expect(typeof session.getTag).toBe('function');
      expect(srcdir).toEqual(
        event === 'postSCMCheckout' ? expect.stringMatching(/\/sources\/bash\/sub$/) : undefined,
      );
      expect(rest).toEqual({
        scminfo: {
          url: url('main', 'sub'),
          scheme: 'git+http://',
          user: null,
          host: site.host,
          repository: '/rpms/bash.git',
          module: 'sub',
          revision: 'main',
          scmtype: 'GIT',
        },
        build_tag: buildTag,
        scratch: true,
        taskinfo: calls.getTaskInfo,
      });
    }
  });

  test('does not begin when a plugin objects', async () => {
    const never = callback('preSCMCheckout', () => {
      throw new GenericError('not on Fridays');
    });
    const vetoed = runTask(Sources, [url()], { calls, options: everything, plugins: { never: { never } } });
    await expect(vetoed).rejects.toThrow('not on Fridays');
  });

  test('has a hub that decides, and that has the log afterwards', async () => {
    const hub = await startTestHub({
      policies: {
        build_from_scm: 'match scm_repository /rpms/* && bool scratch :: allow none\nall :: deny no images',
      },
    });
    try {
      const options = { allowed_scms_use_config: false, allowed_scms_use_policy: true };
      const { id, result } = await checkout(url(), { hub, options, about: { scratch: true } });
      expect(result.sourceCommand).toEqual(['none']);
      const output = await hub.admin.downloadTaskOutput(id, 'checkout.log');
      expect(Buffer.from(output, 'base64').toString()).toContain('$ git clone -n');
      await expect(checkout(url(), { hub, options })).rejects.toThrow(
        `SCM: ${site.host}:/rpms/bash.git is not allowed, reason: no images`,
      );
    } finally {
      await hub.stop();
    }
  });

  test('has a password that nobody reads', async () => {
    const closed = await gitSite({ user: 'ann', password: 's3cr3t!' });
    try {
      closed.commit('x', { file: 'mine' });
      const at = (login: string): string => `git+http://${login}${closed.host}/x.git#main`;
      const { result, checkoutLog, log } = await checkout(at('ann:s3cr3t!@'));
      expect(result.texts).toEqual({ file: 'mine' });
      expect(result.origin).toMatchObject({
        url: at('ann@'),
        source: expect.not.stringContaining('ann') as string,
      });
      expect(checkoutLog + log.join('\n')).not.toContain('s3cr3t');
      const wrong = await checkout(at('ann:wr0ng!@')).then(
        () => null,
        (error: unknown) => error as Error,
      );
      expect(wrong).toBeInstanceOf(BuildError);
      expect(wrong?.message).not.toContain('wr0ng');
    } finally {
      await closed.stop();
    }
  });

  test('is given up when it takes too long', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const started = Date.now();
    await expect(checkout(`git://127.0.0.1:${port}/x#main`, { about: { timeout: 1 } })).rejects.toThrow(
      `Error running GIT command "git clone -n -- git://127.0.0.1:${port}/x x"`,
    );
    expect(Date.now() - started).toBeLessThan(10_000);
    silent.close();
  });

  test('asks a git daemon', async () => {
    const port = await freePort();
    const daemon = spawn(
      'git',
      [
        'daemon',
        '--listen=127.0.0.1',
        `--port=${port}`,
        `--base-path=${site.folder}`,
        '--export-all',
        '--reuseaddr',
      ],
      { stdio: 'ignore' },
    );
    try {
      const at = `git://127.0.0.1:${port}/rpms/bash.git#f44`;
      let done = await checkout(at).catch(() => null);
      for (let n = 0; n < 50 && !done; n++) {
        await sleep(100);
        done = await checkout(at).catch(() => null);
      }
      expect(done?.result.texts['bash.spec']).toBe('for f44');
      expect(done?.result.origin.source).toMatch(`git://127.0.0.1:${port}/rpms/bash.git#`);
    } finally {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill();
      await ended;
    }
  });
});

describe('programs that stand for those of other source control', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-scm-programs-'));
  const record = path.join(folder, 'calls');
  const { PATH } = process.env;
  let site: GitSite;

  beforeAll(async () => {
    site = await gitSite();
    site.commit('x', { file: 'by ssh' });
    const program = (name: string, text: string): void => {
      const note = `printf '%s|' "$(basename "$0")" "$@" "cvsroot=$CVSROOT" "rsh=$CVS_RSH" >> ${record}; echo >> ${record}`;
      writeFileSync(path.join(folder, name), `#!/bin/sh\n${note}\n${text}\n`);
      chmodSync(path.join(folder, name), 0o755);
    };
    // Both make the folder that the last argument names.
    for (const name of ['svn', 'cvs'])
      program(name, 'for last; do :; done; mkdir -p "$last" && echo A > "$last/file"');
    program('ssh', 'for last; do :; done; exec sh -c "$last"');
    process.env.PATH = `${folder}:${PATH}`;
  });
  beforeEach(() => writeFileSync(record, ''));
  afterAll(async () => {
    process.env.PATH = PATH;
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const called = (): string[] => readFileSync(record, 'utf8').trim().split('\n');
  const common = { allowed_scms: '*:*' };

  test('svn is given the revision and the folder', async () => {
    const url = 'svn+https://host/repos/x?pkg/trunk#1234';
    const { result } = await checkout(url, { options: common });
    expect(called()).toEqual([
      'svn|checkout|--non-interactive|-r|1234|https://host/repos/x/pkg/trunk|pkg/trunk|cvsroot=|rsh=|',
      'svn|checkout|--non-interactive|https://host/repos/x/common|common|cvsroot=|rsh=|',
    ]);
    expect(result).toMatchObject({
      folder: 'pkg/trunk',
      origin: { url, source: url },
      texts: { file: 'A\n' },
    });
  });

  test('svn gets all of a repository, by ssh, and a name with @ is no revision', async () => {
    const { result } = await checkout('svn+ssh://ann@host/repos/x@1#HEAD');
    expect(called()).toEqual([
      'svn|checkout|--non-interactive|-r|HEAD|svn+ssh://ann@host/repos/x@1/|.|cvsroot=|rsh=|',
    ]);
    expect(result).toMatchObject({ folder: '', texts: { file: 'A\n' } });
    await checkout('svn://host/repos/x?a@1#HEAD');
    expect(called()[1]).toBe(
      'svn|checkout|--non-interactive|-r|HEAD|svn://host/repos/x/a@1@|a@1|cvsroot=|rsh=|',
    );
  });

  test('cvs is given its root, its revision and its module', async () => {
    await checkout('cvs://host/root?pkg#REL_1', { options: common });
    await checkout('cvs+ssh://ann@host:2401/root?pkg#HEAD');
    const { checkoutLog } = await checkout('cvs://ann:secret@host/root?pkg#HEAD');
    expect(called()).toEqual([
      'cvs|-d|:pserver:anonymous@host:/root|checkout|-r|REL_1|pkg|cvsroot=|rsh=|',
      'cvs|-d|:pserver:anonymous@host:/root|checkout|common|cvsroot=|rsh=|',
      'cvs|-d|:ext:ann@host:2401/root|checkout|-r|HEAD|pkg|cvsroot=|rsh=ssh|',
      'cvs|checkout|-r|HEAD|pkg|cvsroot=:pserver:ann:secret@host:/root|rsh=|',
    ]);
    expect(checkoutLog).not.toContain('secret');
    await expect(checkout('cvs://host/root#HEAD')).rejects.toThrow('No module specified for');
  });

  test('git goes by ssh as the user that the URL names', async () => {
    const at = `git+ssh://ann@host${site.folder}/x.git#main`;
    const { result } = await checkout(at);
    expect(result.texts).toEqual({ file: 'by ssh' });
    expect(called()[0]).toMatch(/^ssh\|.*ann@host\|git-upload-pack/);
    for (const scheme of ['git+ssh', 'svn+ssh', 'cvs+ssh'])
      await expect(checkout(`${scheme}://host/x?m#1`)).rejects.toThrow(
        `No user specified for repository access scheme: ${scheme}://`,
      );
  });

  test('a missing program is named', async () => {
    const only = mkdtempSync(path.join(folder, 'empty-'));
    process.env.PATH = only;
    try {
      await expect(checkout('svn://host/x?m#1')).rejects.toThrow('could not run svn: no such program');
    } finally {
      process.env.PATH = `${folder}:${PATH}`;
    }
  });
});
