import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { named } from '@koji/core/wire';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import { Gate, anyRabbit } from '../../../packages/koji-plugin-messagebus/test/support/brokers.js';
import type { RunningBroker } from '../../../packages/koji-plugin-messagebus/test/support/brokers.js';
import { makeCertificates } from '../../../packages/koji-plugin-messagebus/test/support/certificates.js';
import { receiveAmqp091 } from '../../../packages/koji-plugin-messagebus/test/support/receivers.js';
import type { Arrived, Receiver } from '../../../packages/koji-plugin-messagebus/test/support/receivers.js';
import { root, until } from '../../../test/support/system.js';
import * as fedoramessaging from '../src/hub.js';

// Others may use the broker, too.
const prefix = `koji.test-${process.pid}-${Date.now()}`;
const base = 'https://koji.example.org';
let folder: string;
let rabbit: RunningBroker;
let receiver: Receiver;
let gate: Gate;
let hub: TestHub;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'koji-certificates-'));
  const certificates = makeCertificates(folder);
  const { ca, client } = certificates;
  rabbit = await anyRabbit();
  receiver = await receiveAmqp091(rabbit.port);
  gate = await Gate.to(rabbit.port, certificates);
  await gate.open();
  const conf = `[fedoramessaging]
amqp_url = amqps://guest:guest@localhost:${gate.port}
topic_prefix = ${prefix}
ca_cert = ${ca}
certfile = ${client}
keyfile = ${client}
base_url = ${base}
`;
  hub = await startTestHub({
    plugins: { fedoramessaging },
    config: { fedoramessaging: conf },
    tags: ['f44'],
  });
});
afterAll(async () => {
  await hub.stop();
  await receiver.stop();
  await gate.shut();
  await rabbit.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  receiver.arrived.length = 0;
});

interface Sent extends Omit<Arrived, 'body'> {
  readonly topic: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The messages of this test once there are as many as wanted. */
async function sent(count: number): Promise<Sent[]> {
  const own = (): Arrived[] => receiver.arrived.filter(({ address }) => address.startsWith(prefix));
  await until(`${count} messages arrive`, () => own().length >= count);
  return own().map((one) => ({
    ...one,
    topic: one.address.slice(prefix.length + 1),
    body: JSON.parse(one.body) as Sent['body'],
  }));
}

test('a build that is made and tagged gives the messages of upstream, in order', async () => {
  const build = await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  const messages = await sent(3);
  expect(messages.map(({ topic }) => topic)).toEqual([
    'buildsys.build.state.change',
    'buildsys.package.list.change',
    'buildsys.tag',
  ]);
  const [made, listed, tagged] = messages.map(({ body }) => body);
  const nvr = { name: 'bash', version: '5.2', release: '1' };
  const same = { base_url: base, instance: 'primary', owner: 'kojiadmin' };
  expect(made).toEqual({
    ...{ ...same, ...nvr, epoch: null, build_id: build.id, task_id: null, task: null, request: [] },
    ...{ attribute: 'state', old: null, new: 1, files_base_url: `${base}/kojifiles/work` },
    url: `${base}/koji/buildinfo?buildID=${build.id}`,
    creation_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00$/) as unknown,
    completion_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown,
  });
  expect(listed).toEqual({
    ...{ ...same, tag: 'f44', package: 'bash', action: 'add' },
    ...{ block: false, extra_arches: null, force: false, update: false },
  });
  const tagId = await hub.admin.getTagID('f44', true);
  expect(tagged).toEqual({
    ...same,
    ...nvr,
    tag: 'f44',
    tag_id: tagId,
    build_id: build.id,
    user: 'kojiadmin',
  });
  expect(messages[2]).toMatchObject({
    contentType: 'application/json',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    properties: {
      fedora_messaging_schema: 'koji_fedoramessaging.tag.TagV1',
      fedora_messaging_severity: 10,
      priority: 0,
      'sent-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/) as unknown,
    },
  });
});

test('of tasks only scratch builds are sent, with all tasks below and without floats', async () => {
  const builder = await hub.builder();
  const run = async (id: number): Promise<void> => {
    await hub.admin.assignTask(id, 'builder', true);
    await builder.host.openTask(id);
  };
  const source = 'git+https://src.example.org/rpms/bash.git#abc';
  await run(await hub.admin.makeTask('build', [source, 'f44', {}]));
  const id = await hub.admin.makeTask('build', [source, 'f44', { scratch: true }]);
  await run(id);
  const child = await builder.host.subtask('buildSRPMFromSCM', [source], id, named({ label: 'srpm' }));
  await run(child);
  await builder.host.failTask(id, '<x/>');
  const messages = await sent(3);
  expect(messages.map(({ topic }) => topic)).toEqual(Array(3).fill('buildsys.task.state.change'));
  expect(messages.map(({ body: { old, new: now } }) => [old, now])).toEqual([
    ['FREE', 'ASSIGNED'],
    ['ASSIGNED', 'OPEN'],
    ['OPEN', 'FAILED'],
  ]);
  const last = messages[2]?.body as { readonly info: { readonly children: readonly object[] } };
  const owner = 'kojiadmin';
  expect(last).toMatchObject({ id, method: 'build', owner, srpm: 'bash.git#abc', attribute: 'state' });
  expect(last.info).toMatchObject({
    host_name: 'builder',
    owner,
    result: null,
    request: [source, 'f44', { scratch: true }],
  });
  expect(last.info).toMatchObject({
    create_time: expect.any(Number) as unknown,
    url: `${base}/koji/taskinfo?taskID=${id}`,
  });
  expect(last.info.children).toEqual([
    expect.objectContaining({ id: child, owner, host_name: 'builder', result: null, children: [] }),
  ]);
  for (const task of [last.info, ...last.info.children])
    expect(Object.keys(task)).not.toEqual(expect.arrayContaining([expect.stringMatching(/_ts$|^weight$/)]));
});

test('signatures and repos are sent, headers of unsigned packages and volumes are not', async () => {
  const files = ['src', 'noarch'].map((arch) => path.join(root, `examples/data/mypkg-1.0-1.${arch}.rpm`));
  const build = await hub.addBuild('mypkg-1.0-1', { files });
  const rpm = await hub.admin.getRPM('mypkg-1.0-1.noarch', true);
  await hub.fire('postBuildStateChange', { attribute: 'volume_id', old: 0, new: 1, info: build });
  await hub.fire('postRPMSign', { sigkey: 'c0ffee00', sighash: 'ab', build, rpm });
  const [repo] = await (await hub.builder()).host.repoInit('f44');
  const messages = await sent(3);
  expect(messages.map(({ topic }) => topic)).toEqual([
    'buildsys.build.state.change',
    'buildsys.rpm.sign',
    'buildsys.repo.init',
  ]);
  const [, signed, init] = messages.map(({ body }) => body);
  expect(signed).toMatchObject({
    sigkey: 'c0ffee00',
    sighash: 'ab',
    rpm: { id: rpm.id, buildtime: rpm.buildtime },
  });
  expect(signed?.['build']).toMatchObject({ nvr: build.nvr, creation_time: expect.any(Number) as unknown });
  expect(signed?.['build']).not.toHaveProperty('completion_ts');
  const tagId = await hub.admin.getTagID('f44', true);
  expect(init).toEqual({ base_url: base, instance: 'primary', tag: 'f44', tag_id: tagId, repo_id: repo });
});
