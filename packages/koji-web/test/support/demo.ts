import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClientSession, named } from '@koji/client';
import { encodeFault, encodeResponse } from '@koji/core/wire';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';

/** Text that runs where it is not escaped, breaks attributes and turns the direction of writing round. */
export const hostile = `<script>document.title='HACKED'</script>"'><img src=x onerror="document.title='HACKED'">\u202Egnp.exe`;
/** The same in a field that is shown as a link. */
export const hostileUrl = `javascript:document.title='HACKED'//<script>`;

const spec = `Name: hello
Version: 2.12
Release: 3
Summary: Prints a familiar, friendly greeting ${hostile.replace(/[\u202E%]/g, '')}
License: GPL-3.0-or-later
URL: https://www.gnu.org/software/hello/
BuildArch: noarch
Requires: bash >= 5, coreutils
Conflicts: goodbye < 2

%description
The GNU hello program produces a familiar, friendly greeting.
<b>Not bold</b>

%package doc
Summary: Manual of hello

%description doc
The manual.

%install
mkdir -p %{buildroot}/usr/share/hello %{buildroot}/usr/share/doc/hello
echo hello > %{buildroot}/usr/share/hello/greeting
echo '<script>' > '%{buildroot}/usr/share/hello/<b>odd & "name"'
echo manual > %{buildroot}/usr/share/doc/hello/manual

%files
/usr/share/hello

%files doc
/usr/share/doc/hello

%changelog
* Mon Nov 23 2026 Ada <ada@example.com> - 2.12-3
- Say hello more politely <script>alert(1)</script>

* Mon Nov 16 2026 Grace <grace@example.com> - 2.12-2
- Fix a typo
`;

/** Builds the rpms of the demo's package. */
function buildRpms(parent: string, text: string): { source: string; binaries: string[] } {
  const folder = mkdtempSync(path.join(parent, 'rpms-'));
  const file = path.join(folder, 'hello.spec');
  writeFileSync(file, text);
  const defines = [
    `_topdir ${folder}`,
    `_rpmdir ${folder}`,
    `_srcrpmdir ${folder}`,
    '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
  ];
  const done = spawnSync('rpmbuild', ['-ba', ...defines.flatMap((one) => ['--define', one]), file], {
    encoding: 'utf8',
  });
  if (done.status !== 0)
    throw new Error(`rpmbuild (apt-get install rpm): ${done.stderr || String(done.error)}`);
  const all = readdirSync(folder)
    .filter((name) => name.endsWith('.rpm'))
    .map((name) => path.join(folder, name));
  return {
    source: all.find((name) => name.endsWith('.src.rpm')) ?? '',
    binaries: all.filter((name) => !name.endsWith('.src.rpm')),
  };
}

/** The next release of the package: one file and one dependency more, one file changed. */
const nextSpec = spec
  .replace('Release: 3', 'Release: 4')
  .replace('coreutils', 'coreutils, zlib')
  .replace('echo hello >', 'echo hello > %{buildroot}/usr/share/hello/farewell\necho good morning >');

const faultText = (text: string): string => encodeFault(1000, text);
const resultText = (value: unknown): string => encodeResponse(value);

/** The objects of a demo, by the names that tests use. */
export interface Demo {
  readonly build: number;
  readonly otherBuild: number;
  /** The next release of the package of `build`. */
  readonly nextBuild: number;
  readonly running: number;
  readonly failed: number;
  readonly task: number;
  readonly waiting: number;
  readonly repo: number;
  readonly buildroot: number;
  readonly rpm: number;
  readonly tag: number;
  readonly target: number;
  readonly host: number;
  readonly user: number;
  readonly package: number;
  readonly externalRepo: number;
}

/** A log of a build that failed, with its error in the middle. */
function failedLog(): string {
  const lines = Array.from(
    { length: 400 },
    (_, i) => `\u001b[32mgcc\u001b[0m -O2 -c file${i}.c -o file${i}.o`,
  );
  lines.splice(
    300,
    0,
    'file300.c:12:5: error: unknown type name ‘greting’; did you mean ‘greeting’?',
    'make: *** [Makefile:42: file300.o] Error 1',
  );
  return [
    ...lines,
    'error: Bad exit status from /var/tmp/rpm-tmp.x (%build)',
    'RPM build errors:',
    hostile,
  ].join('\n');
}

/** Fills a hub, through its API alone, with builds, tasks, tags and hosts as they are at work, and with hostile texts. */
export async function fillDemo(
  hubUrl: string,
  password: string,
  setPassword: (user: string) => Promise<void>,
  { rows = 60 }: { readonly rows?: number } = {},
): Promise<Demo> {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-demo-'));
  const session = new ClientSession(hubUrl);
  const host = new ClientSession(hubUrl);
  try {
    const rpms = buildRpms(folder, spec);
    await session.login('kojiadmin', password);
    const hostId = await session.addHost('builder1.example.com', ['x86_64', 'noarch']);
    await session.addHost('builder2.example.com', ['aarch64']);
    await session.editHost(
      'builder1.example.com',
      named({ description: hostile, comment: hostile, capacity: 4 }),
    );
    await session.addHostToChannel('builder1.example.com', 'createrepo', true);
    await setPassword('builder1.example.com');
    await host.login('builder1.example.com', password);
    await host.exclusiveSession();
    const user = await session.createUser('ada');
    const tag = await session.createTag('f44', named({ arches: 'x86_64 aarch64' }));
    const buildTag = await session.createTag(
      'f44-build',
      named({ parent: 'f44', arches: 'x86_64 aarch64', extra: { 'mock.note': hostile } }),
    );
    await session.createTag('f44-updates', named({ parent: 'f44' }));
    await session.createTag('f44-testing', named({ parent: 'f44-updates' }));
    const externalRepo = (await session.createExternalRepo(
      'fedora',
      'https://mirror.example.com/f44/$arch/',
    )) as unknown as { id: number };
    await session.createExternalRepo('odd', hostileUrl);
    await session.addExternalRepoToTag('f44-build', 'fedora', 5);
    await session.addExternalRepoToTag('f44-build', 'odd', 6);
    await session.createBuildTarget('f44', 'f44-build', 'f44');
    const target = (await session.getBuildTarget('f44'))?.id ?? 0;

    const names = ['bash', 'coreutils', 'gcc', 'glibc', 'kernel', 'systemd', 'zlib', 'hello'];
    const calls = session.multicall();
    for (let i = 0; i < rows; i++) names.push(`lib${i}`);
    for (const name of names)
      void calls.packageListAdd('f44', name, named({ owner: name.startsWith('lib') ? 'ada' : 'kojiadmin' }));
    for (const [i, name] of names.entries())
      if (name !== 'hello') void calls.createEmptyBuild(name, `1.${i}`, '1.fc44', null);
    await calls.run();
    const tagging = session.multicall();
    for (const [i, name] of names.entries())
      if (name !== 'hello' && i % 3) void tagging.tagBuildBypass('f44', `${name}-1.${i}-1.fc44`);
    await tagging.run();
    const otherBuild = (await session.getBuild('bash-1.0-1.fc44'))?.id ?? 0;

    const assign = (method: string, args: unknown[], more: object = {}): Promise<number> =>
      session.makeTask(method, args, named({ assign: 'builder1.example.com', ...more }));
    const repoTask = await assign('newRepo', ['f44-build'], { channel: 'createrepo' });
    await host.host.openTask(repoTask);
    const [repo] = await host.host.repoInit('f44-build', named({ task_id: repoTask }));
    await host.host.repoDone(repo, {});
    await host.host.closeTask(repoTask, resultText([repo, 1]));

    // A build that worked, with rpms, logs and a buildroot.
    const source = 'git+https://src.example.com/rpms/hello?#0123456789abcdef';
    const task = await assign('build', [source, 'f44', { scratch: false, note: hostile }]);
    await host.host.openTask(task);
    const arch = await host.host.subtask(
      'buildArch',
      ['cli-build/hello-2.12-3.src.rpm', buildTag, 'noarch', true, { repo_id: repo }],
      task,
      named({ arch: 'noarch', label: 'noarch', assign: 'builder1.example.com' }),
    );
    await host.host.openTask(arch);
    const buildroot = await host.host.newBuildRoot(repo, 'x86_64', arch);
    await host.host.setBuildRootState(buildroot, 'BUILDING', arch);
    const build = await host.host.initBuild({
      name: 'hello',
      version: '2.12',
      release: '3',
      epoch: null,
      task_id: task,
      owner: user,
      extra: { note: hostile },
      source: hostileUrl,
    });
    const upload = `tasks/${arch % 10000}/${arch}`;
    for (const file of [rpms.source, ...rpms.binaries]) await host.upload(file, upload);
    writeFileSync(path.join(folder, 'build.log'), failedLog());
    await host.upload(path.join(folder, 'build.log'), upload);
    const at = (file: string): string => `${upload}/${path.basename(file)}`;
    await host.host.completeBuild(
      task,
      build,
      at(rpms.source),
      rpms.binaries.map(at),
      Object.fromEntries([rpms.source, ...rpms.binaries].map((file) => [at(file), buildroot])),
      { noarch: [`${upload}/build.log`] },
    );
    await host.host.setBuildRootState(buildroot, 'EXPIRED', arch);
    await host.host.closeTask(
      arch,
      resultText({ rpms: rpms.binaries.map(at), logs: [`${upload}/build.log`] }),
    );
    await host.host.closeTask(task, resultText('hello-2.12-3'));
    await session.tagBuildBypass('f44', build);

    // The next release, imported.
    await session.createEmptyBuild('hello', '2.12', '4', null);
    const next = buildRpms(folder, nextSpec);
    for (const file of [next.source, ...next.binaries]) {
      await session.upload(file, 'import');
      await session.importRPM('import', path.basename(file));
    }
    const nextBuild = (await session.getBuild('hello-2.12-4'))?.id ?? 0;
    await session.tagBuildBypass('f44', nextBuild);

    // One that failed, with the error in its log.
    const failed = await assign('build', [source, 'f44']);
    await host.host.openTask(failed);
    const failedArch = await host.host.subtask(
      'buildArch',
      ['cli-build/hello-2.12-3.src.rpm', buildTag, 'x86_64', true, { repo_id: repo }],
      failed,
      named({ arch: 'x86_64', label: 'x86_64', assign: 'builder1.example.com' }),
    );
    await host.host.openTask(failedArch);
    await host.upload(path.join(folder, 'build.log'), `tasks/${failedArch % 10000}/${failedArch}`);
    await host.host.failTask(
      failedArch,
      faultText(
        `BuildError: error building package (arch x86_64), mock exited with status 1; see build.log for more information ${hostile}`,
      ),
    );
    await host.host.failTask(
      failed,
      faultText(
        `BuildError: error building package (arch x86_64), mock exited with status 1; see build.log for more information`,
      ),
    );

    // One that runs with a log that grows, and some that wait.
    const running = await assign('build', [source, 'f44']);
    await host.host.openTask(running);
    writeFileSync(path.join(folder, 'root.log'), `starting\n${hostile}\n`);
    await host.upload(path.join(folder, 'root.log'), `tasks/${running % 10000}/${running}`);
    const waiting = await session.makeTask(
      'build',
      [hostileUrl, 'f44', { note: hostile }],
      named({ arch: 'ppc64le' }),
    );
    await session.makeTask('newRepo', ['f44-build']);
    await session.makeTask(hostile.slice(0, 40), [hostile, { [hostile]: hostile }]);
    const tasks = session.multicall();
    for (let i = 0; i < rows + 10; i++) void tasks.makeTask('tagBuild', [tag, build, false, null, true]);
    await tasks.run();
    await host.host.updateHost(1.5, true);
    const [rpm] = await session.listBuildRPMs(build);
    return {
      build,
      otherBuild,
      nextBuild,
      running,
      failed,
      task,
      waiting,
      repo,
      buildroot,
      rpm: rpm?.id ?? 0,
      tag,
      target,
      host: hostId,
      user,
      package: (await session.getPackage('hello'))?.id ?? 0,
      externalRepo: externalRepo.id,
    };
  } finally {
    await host.close();
    await session.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
