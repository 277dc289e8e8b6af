import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BUILD_STATES } from '@koji/core';
import type { ArchiveInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { BuildMavenTask } from '../src/tasks/build-maven.js';
import { mavenWords, pomOf } from '../src/tasks/maven-settings.js';
import { MavenTask } from '../src/tasks/maven.js';
import { TagBuildTask } from '../src/tasks/tag.js';
import { fakeMock, type FakeMock } from '../src/testing/index.js';
import { runFamily, type FamilyRecord } from './support/family.js';
import { gitSite, type GitSite } from './support/git.js';

const pom = `<project><groupId>org.example</groupId><artifactId>app</artifactId><version>1.0</version></project>`;

/** Does with its folders what mvn does: takes what it needs from the tag, and deploys what it built. */
const mvn = `#!/bin/bash
echo "$MAVEN_OPTS; $COLOR; $*"
[ -e Main.java ] || exit 1
need=$FAKE_ROOT/builddir/.m2/repository/org/dep/lib/2.0
made=$FAKE_ROOT/maven/output/org/example/app/1.0
mkdir -p "$need" "$made"
printf 'a library' > "$need/lib-2.0.jar"
echo checksum > "$need/lib-2.0.jar.sha1"
cp pom.xml "$made/app-1.0.pom"
cat Main.java > "$made/app-1.0.jar"
cp "$FAKE_ROOT/builddir/.m2/settings.xml" "$FAKE_ROOT/maven/output/settings.log"
`;

const patch = `--- a/Main.java
+++ b/Main.java
@@ -1 +1 @@
-first
+second
`;

describe('a build with Maven', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'koji-maven-'));
  let hub: TestHub;
  let git: GitSite;
  let mock: FakeMock;

  const url = (name: string): string => `git+http://${git.host}/${name}.git#main`;

  beforeAll(async () => {
    hub = await startTestHub({ tags: ['f44', 'f44-build'], options: { EnableMaven: 'yes' } });
    git = await gitSite();
    git.commit('app', { 'pom.xml': pom, 'Main.java': 'first\n' });
    git.commit('patches', { 'one.patch': patch, README: 'no patch' });
    git.commit('broken', { 'pom.xml': pom });
    mkdirSync(path.join(folder, 'programs'));
    writeFileSync(path.join(folder, 'programs/mvn'), mvn, { mode: 0o755 });
    mock = await fakeMock(folder, { programs: path.join(folder, 'programs') });
    const { admin } = hub;
    await admin.call('editTag2', ['f44-build'], { arches: 'x86_64' });
    await admin.call('createBuildTarget', ['f44', 'f44-build', 'f44']);
    for (const tag of ['f44', 'f44-build'] as const)
      for (const name of ['org.example-app', 'org.dep-lib'])
        await admin.packageListAdd(tag, name, 'kojiadmin');
    const library = { group_id: 'org.dep', artifact_id: 'lib', version: '2.0' };
    await admin.call('createMavenBuild', [
      { name: 'org.dep-lib', version: '2.0', release: '1', epoch: null },
      library,
    ]);
    writeFileSync(path.join(folder, 'lib-2.0.jar'), 'a library');
    await admin.upload(path.join(folder, 'lib-2.0.jar'), 'maven');
    await admin.call('importArchive', ['maven/lib-2.0.jar', 'org.dep-lib-2.0-1', 'maven', library]);
    await admin.call('tagBuildBypass', ['f44-build', 'org.dep-lib-2.0-1']);
    const builder = await hub.builder();
    const [repo] = (await builder.call('host.repoInit', ['f44-build'])) as [number];
    await builder.call('host.repoDone', [repo, {}]);
  });
  afterAll(async () => {
    await git.stop();
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const build = async (
    name: string,
    opts: Record<string, unknown>,
  ): Promise<FamilyRecord & { id: number }> => {
    const id = await hub.admin.mavenBuild(url(name), 'f44', named({ opts }));
    const options = { ...mock.options, allowed_scms: '*:/*:no:' };
    return { ...(await runFamily(hub, id, [MavenTask, BuildMavenTask, TagBuildTask], { options })), id };
  };

  test('patches its sources, runs mvn and imports what that deploys, with what it needed', async () => {
    const given = {
      patches: url('patches'),
      profiles: ['a', 'b'],
      properties: { skip: null, level: '3' },
      goals: ['verify'],
      envs: { COLOR: 'green' },
      deps: ['org.dep-lib-2.0-1'],
    };
    const { children } = await build('app', given);
    const info = await hub.admin.getBuild('org.example-app-1.0-1', true);
    expect(info).toMatchObject({ state: BUILD_STATES.COMPLETE });
    const archives = await hub.admin.listArchives(named({ buildID: info.id, type: 'maven' }));
    expect(archives.map(({ filename }) => filename).sort()).toEqual([
      'app-1.0-patches.zip',
      'app-1.0-scm-sources.zip',
      'app-1.0.jar',
      'app-1.0.pom',
    ]);
    const place = path.join(hub.paths.mavenbuild(info), 'org/example/app/1.0');
    expect(readFileSync(path.join(place, 'app-1.0.jar'), 'utf8')).toBe('second\n');
    // The sources are kept as they were checked out.
    const zip = path.join(place, 'app-1.0-scm-sources.zip');
    expect(execFileSync('unzip', ['-p', zip, 'app/Main.java'], { encoding: 'utf8' })).toBe('first\n');
    expect(execFileSync('unzip', ['-tq', zip], { encoding: 'utf8' })).toContain('No errors detected');
    const { result, uploads } = children.get('build') ?? {};
    const { buildroot_id: root, logs } = result as { buildroot_id: number; logs: string[] };
    expect(logs).toEqual(
      expect.arrayContaining(['settings.log', 'checkout.log', 'patches.log', 'mock_output.log']),
    );
    const used = await hub.admin.listArchives(named({ componentBuildrootID: root }));
    expect(used.map(({ filename }: ArchiveInfo) => filename)).toEqual(['lib-2.0.jar']);
    expect(String(uploads?.get('mock_output.log'))).toContain(
      '-Xmx2048m; green; -C -Pa,b -Dskip -Dlevel=3 verify deploy\n',
    );
    const settings = String(uploads?.get('settings.log'));
    expect(settings).toContain('<mirrorOf>*,!koji-build-org.dep-lib-2.0-1-repo');
    expect(settings).toContain('koji-output::default::file:///maven/output<');
  });

  test('that fails says which log to read; without mvn it does not begin', async () => {
    await expect(build('broken', {})).rejects.toThrow(
      'error building Maven package, mock exited with status 1; see root.log',
    );
    rmSync(path.join(folder, 'programs/mvn'));
    await expect(build('app', {})).rejects.toThrow('/usr/bin/mvn was not found in the buildroot');
  });

  test('takes the POM that its options name', () => {
    expect(pomOf({})).toBe('pom.xml');
    for (const words of [
      ['-f', 'a/pom.xml'],
      ['--file', 'a/pom.xml'],
      ['-f=a/pom.xml'],
      ['--file=a/pom.xml'],
      ['-fa/pom.xml'],
    ])
      expect(pomOf({ maven_options: ['-X', ...words] })).toBe('a/pom.xml');
    expect(() => pomOf({ maven_options: ['--file'] })).toThrow('--file option requires a file path');
    expect(mavenWords({ maven_options: ['-X'], profiles: [] })).toEqual(['-C', '-X', 'deploy']);
  });
});
