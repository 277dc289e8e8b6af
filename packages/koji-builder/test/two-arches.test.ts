import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ClientSession } from '@koji/client';
import type { HostInfo, TaskInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { fakeMock } from '../src/testing/index.js';
import { Site } from './support/site.js';
import { makeSrpm, specOf } from './support/specs.js';

test('builders of two arches make one build together, and its noarch package is of one of them', async () => {
  const site = await Site.create();
  try {
    const { session } = site;
    await site.addHost('other', 'aarch64');
    await session.createTag('f44', null, 'x86_64 aarch64');
    await session.call('createBuildTarget', ['f44', 'f44', 'f44']);
    await session.packageListAdd('f44', 'tool', 'kojiadmin');
    await session.call('editTag2', ['f44'], { extra: { rebuild_srpm: false } });
    const hub = new ClientSession(site.url);
    await hub.login('builder', 'builder');
    await hub.exclusiveSession(true);
    const [repo] = await hub.call<[number]>('host.repoInit', ['f44']);
    await hub.call('host.repoDone', [repo, {}]);
    await hub.logout();
    await hub.close();
    mkdirSync(site.path('mock'));
    const { options } = await fakeMock(site.path('mock'));
    for (const user of ['builder', 'other'])
      await site.startBuilder({ user, ...options, workdir: site.path(`work-${user}`) });
    const spec = specOf('tool', {
      install: ['mkdir -p %{buildroot}/usr/bin', 'echo %{_target_cpu} > %{buildroot}/usr/bin/tool'],
      files: [
        '/usr/bin/tool',
        '%package doc',
        'Summary: Words',
        'BuildArch: noarch',
        '%description doc',
        'Words.',
        '%files doc',
      ],
    });
    const srpm = makeSrpm(site.path(), 'tool', spec);
    await session.upload(srpm, 'cli-build/1');
    const id = await session.build(`cli-build/1/${path.basename(srpm)}`, 'f44');
    await site.reach(id, 'CLOSED');
    const steps = await session.call<TaskInfo[]>('getTaskChildren', [id, true]);
    const hosts = new Map(
      (await session.call<HostInfo[]>('listHosts')).map(({ id: host, name }) => [host, name]),
    );
    const made = steps.filter(({ method }) => method === 'buildArch');
    expect(Object.fromEntries(made.map(({ label, host_id: host }) => [label, hosts.get(host ?? 0)]))).toEqual(
      {
        x86_64: 'builder',
        aarch64: 'other',
      },
    );
    const [build] = await session.listBuilds(named({ taskID: id }));
    const rpms = await session.listRPMs(build?.build_id ?? 0);
    expect(rpms.map(({ name, arch }) => `${name}.${arch}`).sort()).toEqual([
      'tool-doc.noarch',
      'tool.aarch64',
      'tool.src',
      'tool.x86_64',
    ]);
  } finally {
    await site.stop();
  }
});
