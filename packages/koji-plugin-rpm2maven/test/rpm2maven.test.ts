import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CallbackError } from '@koji/core';
import type { ArchiveInfo, BuildInfo } from '@koji/core/api';
import { callback } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';
import { buildRpm } from './support/rpms.js';

const folder = mkdtempSync(path.join(tmpdir(), 'rpm2maven-rpms-'));
const patterns = '[patterns]\nrpm_names = *-repolib\nartifact_paths = /usr/share/maven/*\n';

const pom = (artifact: string): string =>
  `<project><parent><groupId>org.example</groupId></parent><artifactId>${artifact}</artifactId><version>2.0</version></project>`;
const install = `
top=%{buildroot}/usr/share/maven
mkdir -p $top/app $top/lib $top/two $top/none %{buildroot}/usr/share/java
echo '${pom('app')}' > $top/app/app-2.0.pom
echo jar > $top/app/app-2.0.jar
ln $top/app/app-2.0.jar $top/app/app-2.0-copy.jar
ln -s /etc/passwd $top/app/app-2.0-link.jar
echo strange > $top/app/app-2.0.strange
echo '${pom('lib')}' > $top/lib/lib-2.0.pom
cp $top/lib/lib-2.0.pom $top/two/a.pom
cp $top/lib/lib-2.0.pom $top/two/b.pom
echo jar > $top/none/lib-2.0.jar
cp $top/lib/lib-2.0.pom %{buildroot}/usr/share/java/lib-2.0.pom`;
const files = '/usr/share/maven\n/usr/share/java';

const rpms = new Map<string, string[]>();
let hub: TestHub;
const state = { veto: false };
const veto = callback('postImport', (_event, { type }) => {
  if (type === 'archive' && state.veto) throw new Error('no archives today');
});

const start = (text: string, options: Record<string, string>): Promise<TestHub> =>
  startTestHub({ plugins: { rpm2maven: plugin, veto: { veto } }, config: { rpm2maven: text }, options });

beforeAll(async () => {
  for (const name of ['app', 'app-repolib', 'undone-repolib'])
    rpms.set(name, buildRpm(folder, name, { install, files }));
  const broken = `mkdir -p %{buildroot}/usr/share/maven/x\necho '<project>' > %{buildroot}/usr/share/maven/x/x.pom`;
  rpms.set(
    'broken-repolib',
    buildRpm(folder, 'broken-repolib', { install: broken, files: '/usr/share/maven' }),
  );
  hub = await start(patterns, { EnableMaven: 'yes' });
});
afterAll(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

const add = (on: TestHub, name: string): Promise<BuildInfo> =>
  on.addBuild(`${name}-1.0-1`, { files: rpms.get(name) ?? [] });
const archives = async (on: TestHub, build: string): Promise<ArchiveInfo[]> =>
  (await on.admin.call('listArchives', [], {
    buildID: ((await on.admin.call('getBuild', [build])) as BuildInfo).id,
    type: 'maven',
    queryOpts: { order: 'filename' },
  })) as ArchiveInfo[];
const leftOver = (on: TestHub): Promise<string[]> => readdir(path.join(on.paths.work(), 'rpm2maven'));

test('the artifacts of an rpm are artifacts of its build', async () => {
  const build = await add(hub, 'app-repolib');
  expect(await hub.admin.call('getMavenBuild', [build.id])).toMatchObject({
    group_id: 'app-repolib',
    artifact_id: 'app-repolib',
    version: '1.0-1',
  });
  expect(await archives(hub, 'app-repolib-1.0-1')).toMatchObject([
    { filename: 'app-2.0-copy.jar', group_id: 'org.example', artifact_id: 'app', version: '2.0' },
    { filename: 'app-2.0.jar', group_id: 'org.example', artifact_id: 'app', version: '2.0' },
    { filename: 'app-2.0.pom', group_id: 'org.example', artifact_id: 'app', version: '2.0' },
    { filename: 'lib-2.0.pom', group_id: 'org.example', artifact_id: 'lib', version: '2.0' },
  ]);
  const place = path.join(hub.paths.mavenbuild(build), 'org/example/app/2.0');
  for (const name of ['app-2.0.jar', 'app-2.0-copy.jar'])
    expect(await readFile(path.join(place, name), 'utf8')).toBe('jar\n');
  expect(await leftOver(hub)).toEqual([]);
});

test('rpms of other names are only rpms', async () => {
  const build = await add(hub, 'app');
  expect(await hub.admin.call('getBuildType', [build.id])).toEqual({ rpm: null });
});

test('an import that fails leaves neither rpm nor artifacts nor files', async () => {
  state.veto = true;
  await expect(add(hub, 'undone-repolib')).rejects.toThrow('no archives today');
  state.veto = false;
  expect(await archives(hub, 'undone-repolib-1.0-1')).toEqual([]);
  const build = (await hub.admin.call('getBuild', ['undone-repolib-1.0-1'])) as BuildInfo;
  expect(await hub.admin.call('listRPMs', [build.id])).toMatchObject([{ arch: 'src' }]);
  expect(await readdir(hub.paths.build(build))).not.toContain('maven');
  expect(await leftOver(hub)).toEqual([]);
});

test('a malformed .pom makes the import fail', async () => {
  const failing = add(hub, 'broken-repolib');
  await expect(failing).rejects.toBeInstanceOf(CallbackError);
  await expect(failing).rejects.toThrow(
    /^Error running postImport callback from rpm2maven:\n.*x\.pom is no well-formed POM$/,
  );
  expect(await leftOver(hub)).toEqual([]);
});

test('a payload that is too large makes the import fail, unless the hub has nothing to do with Maven', async () => {
  const small = `${patterns}[limits]\nunpacked_size = 500\n`;
  for (const EnableMaven of ['yes', 'no']) {
    const other = await start(small, { EnableMaven });
    try {
      if (EnableMaven === 'yes') {
        await expect(add(other, 'app-repolib')).rejects.toThrow(
          /error extracting files from .*\/app-repolib-1\.0-1\.noarch\.rpm, .*the payload has more than 500 bytes/,
        );
        expect(await leftOver(other)).toEqual([]);
      } else
        expect(await other.admin.call('getBuildType', [(await add(other, 'app-repolib')).id])).toEqual({
          rpm: null,
        });
    } finally {
      await other.stop();
    }
  }
});

test('a hub does not start with settings that say nothing', async () => {
  await expect(start('[patterns]\nrpm_names = *\n', {})).rejects.toThrow(
    /rpm2maven\.conf.*\[patterns\] artifact_paths.*is missing/,
  );
});
