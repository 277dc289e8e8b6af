import type { ChannelInfo, HostInfo, TaskInfo } from '../api/index.js';
import { sortTexts } from '../sort-texts.js';
import { logTime } from './times.js';

/** The fields of a task that decide who may take it. */
export type WaitingTask = Pick<TaskInfo, 'id' | 'channel_id' | 'arch' | 'method'>;

/** A host's refusal of a task. */
export interface HostRefusal {
  readonly task_id: number;
  readonly host_id: number;
  readonly msg: string | null;
}

/** Information about a free task and its possible hosts. */
export interface WaitingFacts {
  readonly task: WaitingTask;
  readonly channel: Pick<ChannelInfo, 'name' | 'enabled' | 'comment'>;
  /** All hosts of the channel. */
  readonly hosts: readonly HostInfo[];
  readonly refusals: readonly HostRefusal[];
  /** Task methods that hosts reported, by host id; a host that reported none is missing. */
  readonly methods: ReadonlyMap<number, readonly string[]>;
  /** Epoch seconds. */
  readonly now: number;
  /** Formats epoch seconds; default is local time to the second. */
  readonly moment?: (seconds: number) => string;
}

/** Reason why a task waits. */
export interface WaitingReason {
  readonly text: string;
  /** Stays the same if only a load or a time changes. */
  readonly cause: string;
}

/** Koji's default of the hub option ReadyTimeout: after this many seconds, a silent host gets no more tasks. */
const silentAfter = 180;
/** Maximum number of hosts in a reason. */
const named = 4;

/** Reasons why a host can't take a task, in order of importance: the later, the closer the host is to taking it. */
const obstacles = ['disabled', 'arch', 'silent', 'method', 'refused', 'busy'] as const;

interface Obstacle {
  readonly name: string;
  readonly rank: number;
  /** The problem of the host. */
  readonly text: string;
}

/** Explains why no host takes a free task, or returns null if one could. */
export function waitingReason(facts: WaitingFacts): WaitingReason | null {
  const { task, channel, hosts } = facts;
  const where = `channel ${plain(channel.name)}`;
  const say = (text: string, cause = text): WaitingReason => ({ text, cause });
  if (!channel.enabled)
    return say(`${where} is disabled${channel.comment ? ` (${plain(channel.comment)})` : ''}`);
  if (hosts.length === 0) return say(`no host is in ${where}`);
  const found: Obstacle[] = [];
  for (const host of hosts) {
    const obstacle = obstacleOf(host, facts);
    if (!obstacle) return null;
    found.push(obstacle);
  }
  const furthest = Math.max(...found.map(({ rank }) => rank));
  const headlines: Readonly<Record<(typeof obstacles)[number], string>> = {
    disabled: `no host in ${where} is enabled`,
    arch: `no enabled host in ${where} has the arch ${plain(task.arch)}`,
    silent: `no host in ${where} has checked in lately`,
    method: `no host in ${where} has the method ${plain(task.method)}`,
    refused: `no host in ${where} accepts it`,
    busy: `no host in ${where} is ready`,
  };
  // Of suitable hosts, only the most advanced problem of each counts, first the one closest to taking it.
  const least = Math.min(furthest, obstacles.indexOf('silent'));
  const shown = found.filter(({ rank }) => rank >= least).sort((a, b) => b.rank - a.rank);
  const mixed = shown.some(({ rank }) => rank < furthest);
  const kind = obstacles[furthest] ?? 'busy';
  const headline = mixed && kind !== 'busy' ? `no host in ${where} can take it` : headlines[kind];
  const listed = shown.slice(0, named).map(({ name, text }) => `${name}: ${text}`);
  if (shown.length > named) listed.push(`and ${shown.length - named} more`);
  return say(
    `${headline} (${listed.join('; ')})`,
    [headline, ...sortTexts(shown.map(({ name, rank }) => `${name} ${rank}`))].join('\n'),
  );
}

function obstacleOf(
  host: HostInfo,
  { task, refusals, methods, now, moment = localMoment }: WaitingFacts,
): Obstacle | null {
  const because = (kind: (typeof obstacles)[number], text: string): Obstacle => ({
    name: plain(host.name),
    rank: obstacles.indexOf(kind),
    text,
  });
  if (!host.enabled)
    return because('disabled', host.comment ? `disabled, ${plain(host.comment)}` : 'disabled');
  const arches = (host.arches ?? '').split(/\s+/).filter(Boolean);
  if (task.arch !== 'noarch' && !arches.includes(task.arch))
    return because('arch', arches.length > 0 ? plain(arches.join(' ')) : 'no arch');
  if (host.update_ts === null) return because('silent', 'has never checked in');
  // Hubs before 1.30 do not report it.
  const seen = Number(host.update_ts);
  if (now - seen > silentAfter) return because('silent', `not seen since ${moment(seen)}`);
  const known = methods.get(host.id);
  if (known && !known.includes(task.method)) return because('method', 'lacks the method');
  const refusal = refusals.find(({ task_id, host_id }) => task_id === task.id && host_id === host.id);
  if (refusal) return because('refused', refusal.msg ? `refused it, ${plain(refusal.msg)}` : 'refused it');
  const [load, capacity] = [Number(host.task_load), Number(host.capacity)];
  const loaded = `load ${load.toFixed(1)} of ${capacity.toFixed(1)}`;
  if (load >= capacity) return because('busy', loaded);
  return host.ready ? null : because('busy', `says that it is not ready, ${loaded}`);
}

/** Text from the hub as one short line, without terminal control characters. */
function plain(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** A time to the second, in local time. */
function localMoment(seconds: number): string {
  return logTime(new Date(seconds * 1000)).replace(/,\d+$/, '');
}

/** Milliseconds for which the methods of all hosts, a long answer at a large site, are cached. */
const methodsHold = 60_000;

/** Calls to the hub about waiting tasks. Hubs before 1.34 have no such scheduler, so the last two may fail. */
export interface WaitingQuestions {
  channel(id: number): Promise<ChannelInfo | null>;
  hosts(channelId: number): Promise<readonly HostInfo[]>;
  refusals(taskIds: readonly number[]): Promise<readonly HostRefusal[]>;
  hostData(): Promise<readonly HostData[]>;
}

/** A builder's report to the scheduler. */
export interface HostData {
  readonly host_id: number;
  readonly data: unknown;
}

/** Finds the reasons why tasks wait. */
export class WaitingReasons {
  private methods: ReadonlyMap<number, readonly string[]> = new Map();
  private methodsUntil = -Infinity;

  constructor(private readonly moment?: (seconds: number) => string) {}

  /** Needs at most two calls, and two for each channel, however many tasks there are. */
  async find(
    questions: WaitingQuestions,
    tasks: readonly WaitingTask[],
  ): Promise<ReadonlyMap<number, WaitingReason | null>> {
    const channels = new Map<number, Pick<WaitingFacts, 'channel' | 'hosts'>>();
    for (const id of new Set(tasks.map((task) => task.channel_id))) {
      const channel = await questions.channel(id);
      if (channel) channels.set(id, { channel, hosts: await questions.hosts(id) });
    }
    const anyHosts = [...channels.values()].some(({ hosts }) => hosts.length > 0);
    if (anyHosts) await this.learnMethods(questions);
    const refusals = anyHosts ? await orNone(questions.refusals(tasks.map(({ id }) => id))) : [];
    const reasons = new Map<number, WaitingReason | null>();
    const { methods, moment } = this;
    const now = Date.now() / 1000;
    for (const task of tasks) {
      const found = channels.get(task.channel_id);
      const facts = { task, refusals, methods, now, ...(moment ? { moment } : {}) };
      if (found) reasons.set(task.id, waitingReason({ ...facts, ...found }));
    }
    return reasons;
  }

  private async learnMethods(questions: WaitingQuestions): Promise<void> {
    if (performance.now() < this.methodsUntil) return;
    const told = await orNone(questions.hostData());
    this.methods = new Map(told.flatMap(({ host_id: hostId, data }) => methodsOf(hostId, data)));
    this.methodsUntil = performance.now() + methodsHold;
  }
}

function methodsOf(hostId: number, data: unknown): [number, string[]][] {
  const methods = (data as { methods?: unknown } | null)?.methods;
  return Array.isArray(methods) ? [[hostId, methods.map(String)]] : [];
}

/** Returns rows, or none if the hub lacks the method. */
async function orNone<T>(rows: Promise<readonly T[]>): Promise<readonly T[]> {
  return rows.catch(() => []);
}
