/**
 * Decides which free task goes to which host, and which tasks are taken from hosts that do not answer. Pure: run.ts reads
 * what this works on and carries out what it says.
 */

/** A task that has no host yet. */
export interface FreeTask {
  readonly id: number;
  readonly channelId: number;
  readonly arch: string;
  readonly weight: number;
  /** Lower goes first. */
  readonly priority: number;
  /** Epoch seconds, as all times here; at the same priority the older goes first. */
  readonly created: number;
}

/** A task that a host has: open, or assigned and to be opened. */
export interface ActiveTask {
  readonly id: number;
  readonly hostId: number | null;
  readonly open: boolean;
  readonly waiting: boolean;
  readonly weight: number;
  /** When the scheduler gave it to the host; null when an admin did, or the host took it by itself. */
  readonly assigned: number | null;
}

/** A builder. */
export interface PlanHost {
  readonly id: number;
  readonly enabled: boolean;
  /** Whether it would take a task, as it said itself. */
  readonly ready: boolean;
  /** When it last checked in. */
  readonly updated: number | null;
  readonly arches: readonly string[];
  /** Ids of its enabled channels. */
  readonly channels: readonly number[];
  readonly capacity: number;
  /** The most tasks it takes, if it said so. */
  readonly maxJobs: number | null;
}

/** A host that declined a task. */
export interface Refusal {
  readonly id: number;
  readonly taskId: number;
  readonly hostId: number;
  readonly soft: boolean;
  readonly at: number;
  /** Whether the task is over. */
  readonly finished: boolean;
}

/** Koji's options of the same names. */
export interface PlanOptions {
  readonly MaxJobs: number;
  readonly CapacityOvercommit: number;
  readonly ReadyTimeout: number;
  readonly AssignTimeout: number;
  readonly SoftRefusalTimeout: number;
  readonly HostTimeout: number;
}

/** Everything that a decision rests on. */
export interface Situation {
  readonly free: readonly FreeTask[];
  readonly active: readonly ActiveTask[];
  readonly hosts: readonly PlanHost[];
  readonly refusals: readonly Refusal[];
  readonly options: PlanOptions;
  readonly now: number;
}

/** A task to take from its host. */
export interface Release {
  readonly taskId: number;
  readonly hostId: number | null;
  /** Text of the log. */
  readonly reason: string;
  /** Whether the host counts as having declined it. */
  readonly refused: boolean;
}

/** Planned actions. */
export interface Plan {
  readonly assignments: readonly { readonly taskId: number; readonly hostId: number }[];
  readonly releases: readonly Release[];
  /** Hosts that say they are ready but have not checked in for ReadyTimeout, or HostTimeout when that is shorter. */
  readonly notReady: readonly number[];
  /** Refusals that no longer hold. */
  readonly stale: readonly number[];
  /** Why a task stays free, by its id. */
  readonly reasons: ReadonlyMap<number, string>;
}

/** A host with what it has to do, which grows while tasks are given out. */
interface Candidate {
  readonly host: PlanHost;
  readonly maxJobs: number;
  load: number;
  tasks: number;
  /** Its share of the load of all free tasks, so that hosts which many tasks could go to are spared. */
  demand: number;
}

/** Decides; the same situation always gives the same plan. */
export function plan(situation: Situation): Plan {
  const { hosts, options, now } = situation;
  // A host that loses its tasks for being silent must not get them again.
  const longest = Math.min(options.ReadyTimeout, options.HostTimeout);
  const late = (host: PlanHost): boolean => host.updated === null || now - host.updated > longest;
  const notReady = hosts.filter((host) => host.enabled && host.ready && late(host)).map((host) => host.id);
  const usable = hosts.filter((host) => host.enabled && host.ready && !late(host));
  const { holding, stale } = sortRefusals(situation);
  const { assignments, reasons } = assign(situation, usable, holding);
  return { assignments, releases: findReleases(situation), notReady, stale, reasons };
}

const key = (taskId: number, hostId: number): string => `${taskId}:${hostId}`;

function sortRefusals({ refusals, options, now }: Situation): { holding: Set<string>; stale: number[] } {
  const holding = new Set<string>();
  const stale: number[] = [];
  for (const { id, taskId, hostId, soft, at, finished } of refusals) {
    if (finished || (soft && at < now - options.SoftRefusalTimeout)) stale.push(id);
    else holding.add(key(taskId, hostId));
  }
  return { holding, stale };
}

function assign(
  { free, active, options }: Situation,
  hosts: readonly PlanHost[],
  refused: ReadonlySet<string>,
): { assignments: { taskId: number; hostId: number }[]; reasons: Map<number, string> } {
  const bins = fillBins(hosts, active, options);
  const sorted = [...free].sort((a, b) => a.priority - b.priority || a.created - b.created || a.id - b.id);
  const reasons = new Map<number, string>();
  const choices = new Map<FreeTask, Candidate[]>();
  for (const task of sorted) {
    const bin = bins.get(binOf(task.channelId, task.arch)) ?? [];
    const willing = bin.filter(({ host }) => !refused.has(key(task.id, host.id)));
    const able = willing.filter((candidate) => hasRoom(candidate, task, options));
    if (bin.length === 0) reasons.set(task.id, `no ready host for ${task.arch} in channel ${task.channelId}`);
    else if (willing.length === 0) reasons.set(task.id, 'every host refused it');
    else if (able.length === 0) reasons.set(task.id, 'every host is busy');
    choices.set(task, able);
    for (const candidate of able) candidate.demand += task.weight / able.length;
  }
  normalizeDemand(bins);
  const assignments: { taskId: number; hostId: number }[] = [];
  for (const [task, able] of choices) {
    const best = able
      .filter((candidate) => hasRoom(candidate, task, options))
      .reduce<Candidate | null>((found, next) => (found && rank(found) <= rank(next) ? found : next), null);
    if (best) {
      assignments.push({ taskId: task.id, hostId: best.host.id });
      best.load += task.weight;
      best.tasks += 1;
    } else if (able.length > 0) reasons.set(task.id, 'more urgent tasks took every host');
  }
  return { assignments, reasons };
}

const binOf = (channelId: number, arch: string): string => `${channelId}:${arch}`;

/** The hosts by channel and arch; every host takes noarch tasks too. */
function fillBins(
  hosts: readonly PlanHost[],
  active: readonly ActiveTask[],
  options: PlanOptions,
): Map<string, Candidate[]> {
  const byId = new Map<number, Candidate>();
  const bins = new Map<string, Candidate[]>();
  for (const host of hosts) {
    const candidate = { host, maxJobs: host.maxJobs || options.MaxJobs, load: 0, tasks: 0, demand: 0 };
    byId.set(host.id, candidate);
    for (const channel of host.channels) {
      for (const arch of new Set([...host.arches, 'noarch'])) {
        const bin = bins.get(binOf(channel, arch));
        if (bin) bin.push(candidate);
        else bins.set(binOf(channel, arch), [candidate]);
      }
    }
  }
  for (const task of active) {
    const candidate = task.hostId === null ? undefined : byId.get(task.hostId);
    if (!candidate) continue;
    candidate.tasks += 1;
    if (!task.waiting) candidate.load += task.weight;
  }
  return bins;
}

function hasRoom({ host, load, tasks, maxJobs }: Candidate, task: FreeTask, options: PlanOptions): boolean {
  const needed = Math.max(0, task.weight - options.CapacityOvercommit);
  return tasks < maxJobs && host.capacity - load > needed;
}

function normalizeDemand(bins: ReadonlyMap<string, readonly Candidate[]>): void {
  const candidates = new Set([...bins.values()].flat());
  let total = 0;
  for (const candidate of candidates) total += candidate.demand;
  if (total > 0) for (const candidate of candidates) candidate.demand /= total;
}

function rank({ load, tasks, demand }: Candidate): number {
  return load + tasks + demand;
}

/** Tasks whose host does not open them, or has vanished. Those that an admin assigned are left where they are. */
function findReleases({ active, hosts, options, now }: Situation): Release[] {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const releases: Release[] = [];
  for (const { id: taskId, hostId, open, assigned } of active) {
    const host = hostId === null ? undefined : byId.get(hostId);
    if (!host) {
      if (hostId === null)
        releases.push({ taskId, hostId, reason: 'Active task with no host', refused: false });
      continue;
    }
    if (open) {
      const seen = host.updated ?? assigned;
      if (seen !== null && now - seen > options.HostTimeout)
        releases.push({ taskId, hostId, reason: 'Freeing task from unresponsive host', refused: false });
    } else if (assigned !== null && now - assigned > options.AssignTimeout) {
      // A host that checks in but does not open the task will not open it the next time either.
      const refused = host.updated !== null && host.updated > assigned;
      releases.push({ taskId, hostId, reason: 'Task assignment timeout', refused });
    }
  }
  return releases;
}
