// Fills the database of a Koji hub with some of everything that Koji knows, by calls of its API.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../setup.mjs';

/** Fills the hub of a session, whose builder is running. Returns the names of the created objects. */
export async function fillKoji(session, { folder, user }) {
  const { named } = await import('@koji/client');
  const { splitNamed } = await import('@koji/core/wire');
  const call = (method, ...given) => {
    const { args, keywords } = splitNamed(given);
    return session.call(method, args, keywords);
  };
  await people(call, named);
  await tags(call, named, user);
  await builds(session, call, named, folder);
  await volumes(call);
  await history(call, user);
  await runTasks(call, named);
  await call('repo.request', 'base-build').catch((error) =>
    console.log(`no request of a repo: ${error.message}`),
  );
  return listAll(session);
}

/** The names of what the hub of a session has. */
export async function listAll(session) {
  const list = (method, ...args) => session.call(method, args);
  const builds = await list('listBuilds');
  return {
    builds: builds.map(({ nvr }) => nvr),
    tags: (await list('listTags')).map(({ name }) => name),
    users: (await list('listUsers')).map(({ name }) => name),
    hosts: (await list('listHosts')).map(({ name }) => name),
    tasks: (await list('listTasks', {}, { order: 'id' })).map(({ id }) => id),
    rpms: (await list('listRPMs')).map(({ nvr, arch }) => `${nvr}.${arch}`),
    archives: (await list('listArchives')).map(({ id }) => id),
  };
}

async function people(call, named) {
  for (const name of ['alice', 'bob', 'Zoë_no'.replace('ë', 'e')]) await call('createUser', name);
  await call('createUser', 'carol', named({ krb_principal: 'carol@EXAMPLE.COM' }));
  await call('newGroup', 'packagers');
  await call('addGroupMember', 'packagers', 'alice');
  await call('addGroupMember', 'packagers', 'bob');
  await call('dropGroupMember', 'packagers', 'bob');
  await call('grantPermission', 'alice', 'tag');
  await call('grantPermission', 'bob', 'release-team', true, 'May release: "all" of it\nand more');
  await call('grantPermission', 'bob', 'image');
  await call('revokePermission', 'bob', 'image');
  await call('disableUser', 'Zoe_no');
  await call('addChannel', 'special', 'For özel work');
  await call('addHostToChannel', 'builder', 'special');
  await call('editHost', 'builder', named({ comment: 'näht', capacity: 3.5, description: 'one' }));
}

async function tags(call, named, user) {
  await call(
    'createTag',
    'base',
    named({
      arches: 'x86_64 aarch64',
      extra: { 'mock.package_manager': 'dnf', nested: { a: [1, 2.5, null, true] } },
    }),
  );
  await call('createTag', 'base-build', named({ parent: 'base', arches: 'x86_64', locked: false }));
  await call('createTag', 'released', named({ parent: 'base', perm: 'release-team', locked: true }));
  await call('createTag', 'gone');
  await call('deleteTag', 'gone');
  await call(
    'editTag2',
    'base',
    named({ maven_support: true, remove_extra: ['nested'], extra: { text: 'ünï' } }),
  );
  await call('createBuildTarget', 'main', 'base-build', 'base');
  await call('editBuildTarget', 'main', 'main', 'base-build', 'released');
  for (const name of ['mypkg', 'app', 'disk', 'blocked', 'draft'])
    await call('packageListAdd', 'base', name, user);
  await call('packageListBlock', 'base', 'blocked');
  await call('packageListSetOwner', 'base', 'app', 'alice');
  await call('packageListSetArches', 'base', 'disk', 'noarch');
  await call('groupListAdd', 'base', 'build', named({ display_name: 'Build', description: 'what builds' }));
  await call('groupPackageListAdd', 'base', 'build', 'bash');
  await call('groupPackageListAdd', 'base', 'build', 'gcc');
  await call('groupPackageListBlock', 'base', 'build', 'gcc');
  await call('groupListAdd', 'base', 'srpm-build');
  await call('groupReqListAdd', 'base', 'srpm-build', 'build');
  await call('createExternalRepo', 'outside', 'http://example.com/$arch/');
  await call('addExternalRepoToTag', 'base-build', 'outside', 10, 'bare');
  await call('editExternalRepo', 'outside', named({ url: 'http://example.com/new/$arch/' }));
  await call('createNotification', 1, null, null, false).catch(() => undefined);
}

async function builds(session, call, named, folder) {
  for (const arch of ['src', 'noarch']) {
    const file = path.join(root, `examples/data/mypkg-1.0-1.${arch}.rpm`);
    await session.upload(file, 'fill');
    await call('importRPM', 'fill', path.basename(file));
  }
  await call('tagBuildBypass', 'base', 'mypkg-1.0-1');
  await call('createEmptyBuild', 'app', '1.0', '1', null);
  const app = { group_id: 'org.example', artifact_id: 'app', version: '1.0' };
  await call('createMavenBuild', 'app-1.0-1', app);
  const here = path.join(folder, 'upload');
  mkdirSync(here, { recursive: true });
  const put = async (name, text) => {
    writeFileSync(path.join(here, name), text);
    await session.upload(path.join(here, name), 'fill');
  };
  await put('app-1.0.jar', 'a jar');
  await call('importArchive', 'fill/app-1.0.jar', 'app-1.0-1', 'maven', app);
  for (const release of ['1', '2', '3']) {
    await call('createEmptyBuild', 'disk', '1', release, 2);
    await call('createImageBuild', `disk-1-${release}`);
    await put(`disk${release}.qcow2`, `disk ${release}`);
    await call('importArchive', `fill/disk${release}.qcow2`, `disk-1-${release}`, 'image', {
      arch: 'noarch',
    });
    await call('tagBuildBypass', 'base', `disk-1-${release}`);
  }
  const draft = await call('createEmptyBuild', 'draft', '1', '1', null, named({ draft: true })).catch(
    (error) => error,
  );
  if (draft instanceof Error) console.log(`no draft: ${draft.message}`);
  await contentGenerator(call, put, session);
  await call('tagBuildBypass', 'base', 'app-1.0-1');
}

/** A build of a content generator with a buildroot, tools and a log, and a reserved one. */
async function contentGenerator(call, put, session) {
  await call('grantCGAccess', 'kojiadmin', 'maker', true);
  await call('CGInitBuild', 'maker', { name: 'reserved', version: '1', release: '1', epoch: null });
  const data = 'made by a generator';
  await put('thing.txt', data);
  const checksum = createHash('md5').update(data).digest('hex');
  const now = 1_700_000_000;
  const metadata = {
    metadata_version: 0,
    build: {
      name: 'thing',
      version: '1',
      release: '1',
      epoch: null,
      source: 'git://example.com/thing#1',
      start_time: now,
      end_time: now + 60.5,
      extra: { typeinfo: { thing: {} }, more: { é: 1 } },
    },
    buildroots: [
      {
        id: 1,
        host: { os: 'linux', arch: 'x86_64' },
        content_generator: { name: 'maker', version: '2' },
        container: { type: 'none', arch: 'x86_64' },
        components: [],
        tools: [{ name: 'make', version: '4' }],
        extra: { k: 'v' },
      },
    ],
    output: [
      {
        buildroot_id: 1,
        filename: 'thing.txt',
        filesize: data.length,
        arch: 'noarch',
        checksum,
        checksum_type: 'md5',
        type: 'thing',
        extra: { typeinfo: { thing: { x: 1 } } },
      },
    ],
  };
  await call('addBType', 'thing');
  await call('packageListAdd', 'base', 'thing', 'kojiadmin');
  await call('CGImport', metadata, 'fill');
  await call('tagBuildBypass', 'base', 'thing-1-1');
  await session.call('getBuild', ['thing-1-1']);
}

async function volumes(call) {
  await call('addVolume', 'second');
  await call('changeBuildVolume', 'disk-1-1', 'second');
}

/** Changes the existing objects, to create a history. */
async function history(call, user) {
  await call('untagBuildBypass', 'base', 'disk-1-1');
  await call('tagBuildBypass', 'base', 'disk-1-1');
  await call('untagBuildBypass', 'base', 'disk-1-2');
  await call('packageListSetOwner', 'base', 'mypkg', 'bob');
  await call('packageListRemove', 'base', 'blocked').catch(() => undefined);
  await call('packageListAdd', 'released', 'mypkg', user);
  await call('createEmptyBuild', 'broken', '1', '1', null);
  await call('cancelBuild', 'broken-1-1').catch(() => undefined);
}

/** Tasks that end well, fail, are cancelled and wait. */
async function runTasks(call, named) {
  const fork = await call('makeTask', 'fork', [2, 1]);
  const failing = await call('makeTask', 'sleep', ['no number']);
  // No builder knows it.
  await call('makeTask', 'nosuchmethod', ['ä', { k: [1, null] }]);
  const sleeping = await call('makeTask', 'sleep', [600]);
  const tagging = await call('tagBuild', 'base', 'disk-1-2');
  for (const id of [fork, failing, tagging]) await ended(call, id);
  await call('cancelTask', sleeping);
  await call('addChannel', 'nobody');
  await call('makeTask', 'sleep', [1], named({ channel: 'nobody' }));
}

async function ended(call, id) {
  for (let i = 0; i < 300; i++) {
    const { state } = await call('getTaskInfo', id);
    if (state >= 2 && state !== 4) return;
    await sleep(200);
  }
  throw new Error(`task ${id} does not end within 60 s`);
}
