// npm run interop -- maven: builds a project by buildMaven with this machine's mvn, in a sandbox out of its own packages, at a new hub
// whose tag has what mvn needs: the files that mvn takes from /usr/share/maven-repo when it builds the project here. Then wraps the
// result into rpms. --backend has another back end make the buildroots, --keep leaves everything where it is.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { program, siteFolder, startBuildSite, writeSettings } from '../build-site.mjs';

const repository = '/usr/share/maven-repo';
const plugins = path.join(repository, 'org/apache/maven/plugins');
const wanted = ['resources', 'compiler', 'surefire', 'jar', 'install', 'deploy'];
const packages = ['maven', 'openjdk-17-jdk-headless'];

/** The newest version of a plugin that this machine has. */
function versionOf(plugin) {
  const folder = path.join(plugins, `maven-${plugin}-plugin`);
  const versions = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d/.test(name)) : [];
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

const pom = () => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>greeting</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source>
    <maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <build><plugins>
${wanted.map((name) => `    <plugin><artifactId>maven-${name}-plugin</artifactId><version>${versionOf(name)}</version></plugin>`).join('\n')}
  </plugins></build>
</project>
`;

const source =
  'package org.example;\npublic class Greeting { public static String text() { return "hello"; } }\n';

/** The spec file that wraps the project, as a template. */
const template = `Name: greeting
Version: $version
Release: $release
Summary: For a test
License: MIT
BuildArch: noarch
#for $number, $file in enumerate($all_artifacts)
Source$number: $file
#end for
%description
$maven_info.group_id
%install
mkdir -p %{buildroot}/usr/share/java
#for $jar in $artifacts['.jar']
install -m 644 %{_sourcedir}/$jar %{buildroot}/usr/share/java/
#end for
%files
/usr/share/java/*.jar
`;

/** Writes the project, and builds it on this machine; returns the files that mvn has needed. */
function prepare(folder) {
  const at = (...names) => path.join(folder, ...names);
  mkdirSync(at('project/src/main/java/org/example'), { recursive: true });
  writeFileSync(at('project/pom.xml'), pom());
  writeFileSync(at('project/src/main/java/org/example/Greeting.java'), source);
  const mirror = `<mirror><id>here</id><url>file://${repository}</url><mirrorOf>*</mirrorOf></mirror>`;
  writeFileSync(at('settings.xml'), `<settings><mirrors>${mirror}</mirrors></settings>`);
  const words = ['-B', '-q', '-s', at('settings.xml'), `-Dmaven.repo.local=${at('needed')}`];
  const output = `-DaltDeploymentRepository=here::default::file://${at('deployed')}`;
  execFileSync('mvn', [...words, output, 'deploy'], {
    cwd: at('project'),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(at('project/target'), { recursive: true });
  const files = readdirSync(at('needed'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => /\.(pom|jar)$/.test(file) && !file.startsWith('org/example/'));
}

/** Imports files of a Maven repository into builds, one for each version, and tags them. */
async function importAll(session, folder, files) {
  const byBuild = new Map();
  for (const file of files) {
    const parts = path.dirname(file).split('/');
    const [version, artifact] = [parts.at(-1), parts.at(-2)];
    const maven = { group_id: parts.slice(0, -2).join('.'), artifact_id: artifact, version };
    const name = `${maven.group_id}-${artifact}`;
    const key = `${name}-${version.replaceAll('-', '_')}-1`;
    const known = byBuild.get(key) ?? { name, maven, files: [] };
    byBuild.set(key, { ...known, files: [...known.files, file] });
  }
  for (const [nvr, { name, maven, files: own }] of byBuild) {
    const build = { name, version: maven.version.replaceAll('-', '_'), release: '1', epoch: null };
    await session.call('createMavenBuild', [build, maven]);
    for (const file of own) {
      await session.upload(path.join(folder, file), `maven/${nvr}`);
      await session.call('importArchive', [`maven/${nvr}/${path.basename(file)}`, nvr, 'maven', maven]);
    }
    await session.call('packageListAdd', ['f44-build', name, 'kojiadmin']);
    await session.call('tagBuildBypass', ['f44-build', nvr]);
  }
  return byBuild.size;
}

/** Runs the command; `args` are the words after its name. */
export async function runMaven(args) {
  const { values } = parseArgs({
    args,
    options: { backend: { type: 'string', default: 'sandbox' }, keep: { type: 'boolean' } },
  });
  const missing = wanted.filter((name) => versionOf(name) === undefined);
  if (missing.length > 0 || spawnSync('mvn', ['-v']).status !== 0) {
    const names = wanted.map((name) =>
      name === 'surefire' ? 'libsurefire-java' : `libmaven-${name}-plugin-java`,
    );
    console.error(`this needs mvn and its plugins: apt-get install ${packages.join(' ')} ${names.join(' ')}`);
    process.exitCode = 2;
    return;
  }
  const folder = siteFolder('maven');
  console.log(`everything is in ${folder}`);
  const at = (...names) => path.join(folder, ...names);
  let site = null;
  try {
    const files = prepare(folder);
    writeFileSync(at('more.json'), JSON.stringify({ seeds: packages }));
    site = await startBuildSite({
      folder,
      distribution: ['--more', at('more.json')],
      hubOptions: { EnableMaven: 'yes' },
      kojid: { buildroot_backend: values.backend },
    });
    const { session } = site;
    for (const tag of ['f44', 'f44-build']) await session.call('editTag2', [tag], { maven_support: true });
    await session.call('editTag2', ['f44-build'], { maven_include_all: true });
    const groups = JSON.parse(readFileSync(at('distribution/groups.json'), 'utf8'));
    for (const [group, names] of [
      ['maven-build', ['bash', 'coreutils', 'sed', 'redhat-release', ...packages]],
      ['wrapper-rpm-build', groups.build],
    ]) {
      await session.call('groupListAdd', ['f44-build', group]);
      for (const name of names) await session.call('groupPackageListAdd', ['f44-build', group, name]);
    }
    await session.addHostToChannel('builder', 'maven');
    await session.call('packageListAdd', ['f44', 'org.example-greeting', 'kojiadmin']);
    console.log(
      `${await importAll(session, at('needed'), files)} builds imported, with ${files.length} files`,
    );
    const url = site.git.commit('greeting', at('project'));
    mkdirSync(at('wrapper'));
    writeFileSync(at('wrapper/greeting.spec.tmpl'), template);
    const wrapper = site.git.commit('wrapper', at('wrapper'));
    writeSettings(at('koji.conf'), 'koji', {
      ...{ server: `${site.url}/kojihub`, topurl: `${site.url}/kojifiles`, authtype: 'password' },
    });
    await site.startBuilder();
    const [node, koji] = program('koji');
    const login = ['-c', at('koji.conf'), '--user', 'kojiadmin', '--password', 'secret'];
    // The first repo of the tag must have what was imported.
    const run = (...words) => spawnSync(node, [koji, ...login, ...words], { stdio: 'inherit' }).status;
    process.exitCode = run('wait-repo', '--request', '--timeout=20', 'f44-build');
    const nvr = 'org.example-greeting-1.0-1';
    for (const words of [
      ['maven-build', '--wait', 'f44', url],
      ['wrapper-rpm', '--wait', 'f44', nvr, wrapper],
    ])
      if (process.exitCode === 0) process.exitCode = run(...words);
    run('buildinfo', nvr);
  } finally {
    await site?.stop();
    if (process.exitCode || values.keep) console.log(`the logs are in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}
