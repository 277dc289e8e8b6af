import type { HostInfo } from '@koji/core/api';
import { WaitingReasons, waitingReason } from '@koji/core/text';
import type { WaitingFacts } from '@koji/core/text';
import { waitingQuestions } from '../src/cli/waiting-questions.js';
import { ClientSession } from '../src/index.js';

const now = 1_800_000_000;

function host(id: number, more: Partial<HostInfo> = {}): HostInfo {
  return {
    id,
    name: `b${id}`,
    user_id: id,
    update_ts: now - 5,
    ready: true,
    task_load: 0,
    arches: 'x86_64 noarch',
    capacity: 2,
    description: null,
    comment: null,
    enabled: true,
    ...more,
  };
}

const facts = (hosts: HostInfo[], more: Partial<WaitingFacts> = {}): WaitingFacts => ({
  task: { id: 7, channel_id: 1, arch: 'noarch', method: 'greet' },
  channel: { name: 'default', enabled: true, comment: null },
  hosts,
  refusals: [],
  methods: new Map(),
  now,
  ...more,
});

const why = (...args: Parameters<typeof facts>): string | null => waitingReason(facts(...args))?.text ?? null;

const task = { id: 7, channel_id: 1, arch: 's390x', method: 'greet' };
const methods = new Map([
  [1, ['build']],
  [2, ['greet']],
]);
const refusals = [{ task_id: 7, host_id: 1, msg: 'no handler\nfor \u001b[31mmethod' }];

test.each<[string, string | null, ...Parameters<typeof facts>]>([
  ['one host could take it', null, [host(1, { ready: false }), host(2)]],
  ['an empty channel', 'no host is in channel default', []],
  [
    'a disabled channel',
    'channel default is disabled (moving)',
    [host(1)],
    { channel: { name: 'default', enabled: false, comment: 'moving' } },
  ],
  [
    'disabled hosts',
    'no host in channel default is enabled (b1: disabled; b2: disabled, new disk)',
    [host(1, { enabled: false }), host(2, { enabled: false, comment: 'new disk' })],
  ],
  [
    'another arch',
    'no enabled host in channel default has the arch s390x (b1: x86_64 noarch; b2: no arch)',
    [host(1), host(2, { arches: null }), host(3, { enabled: false, arches: 's390x' })],
    { task },
  ],
  [
    'a host that has never checked in',
    'no host in channel default has checked in lately (b1: has never checked in)',
    [host(1, { update_ts: null })],
  ],
  [
    'a host without the method',
    'no host in channel default has the method greet (b1: lacks the method)',
    [host(1)],
    { methods },
  ],
  [
    'a host without the method beside a busy one',
    'no host in channel default is ready (b2: load 2.1 of 2.0; b1: lacks the method)',
    [host(1), host(2, { task_load: 2.1 })],
    { methods },
  ],
  [
    'a host without the method beside one that has it and has gone',
    'no host in channel default can take it (b1: lacks the method; b2: has never checked in)',
    [host(1), host(2, { update_ts: null })],
    { methods },
  ],
  [
    'a refusal, on one line and without what a terminal acts on',
    'no host in channel default accepts it (b1: refused it, no handler for [31mmethod)',
    [host(1)],
    { refusals },
  ],
  ['a refusal of another task', null, [host(1)], { refusals: [{ task_id: 8, host_id: 1, msg: null }] }],
  [
    'a full host',
    'no host in channel default is ready (b1: load 2.1 of 2.0)',
    [host(1, { task_load: 2.1, ready: false })],
  ],
  [
    'a host that says no',
    'no host in channel default is ready (b1: says that it is not ready, load 0.5 of 2.0)',
    [host(1, { task_load: 0.5, ready: false })],
  ],
  [
    'many hosts',
    `no host in channel default is ready (${[1, 2, 3, 4].map((id) => `b${id}: load 3.0 of 2.0`).join('; ')}; and 2 more)`,
    [1, 2, 3, 4, 5, 6].map((id) => host(id, { task_load: 3 })),
  ],
])('says why a task waits: %s', (_name, text, hosts, more = {}) => {
  expect(why(hosts, more)).toBe(text);
});

test('says since when a host is silent, and heeds only as much silence as the hub', () => {
  const silent = (seconds: number): string | null => why([host(1, { update_ts: now - seconds })]);
  expect(silent(179)).toBeNull();
  expect(silent(181)).toMatch(
    /^no host in channel default has checked in lately \(b1: not seen since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$/,
  );
  // Old hubs do not report when.
  expect(why([host(1, { update_ts: undefined as unknown as null })])).toBeNull();
});

test('the cause stays the same while only a load changes, and changes with a host', () => {
  const cause = (...hosts: HostInfo[]): string | undefined => waitingReason(facts(hosts))?.cause;
  const busy = cause(host(1, { task_load: 2.1 }), host(2, { task_load: 3 }));
  expect(cause(host(1, { task_load: 2.5 }), host(2, { task_load: 2 }))).toBe(busy);
  expect(cause(host(1, { task_load: 2.1 }), host(2, { update_ts: null }))).not.toBe(busy);
});

/** A session whose hub answers these methods alone. */
function sessionOf(answers: Readonly<Record<string, unknown>>): { session: ClientSession; calls: string[] } {
  const calls: string[] = [];
  const session = new ClientSession('http://127.0.0.1:1/kojihub');
  session.call = <T>(method: string): Promise<T> => {
    calls.push(method);
    return method in answers
      ? Promise.resolve(answers[method] as T)
      : Promise.reject(new Error(`Invalid method: ${method}`));
  };
  return { session, calls };
}

test('many tasks of a channel cost as few calls as one, and a hub without a scheduler does', async () => {
  const tasks = Array.from({ length: 50 }, (_, i) => ({ ...task, id: i + 1, arch: 'noarch' }));
  const channel = { id: 1, name: 'default', enabled: true, comment: null };
  const hosts = [host(1, { update_ts: Date.now() / 1000, task_load: 2 })];
  const { session, calls } = sessionOf({ getChannel: channel, listHosts: hosts });
  const found = await new WaitingReasons().find(waitingQuestions(session), tasks);
  expect(found.size).toBe(50);
  expect(found.get(50)?.text).toBe('no host in channel default is ready (b1: load 2.0 of 2.0)');
  expect(calls).toHaveLength(4);
});
