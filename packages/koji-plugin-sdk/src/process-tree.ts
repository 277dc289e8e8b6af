import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Ends a process with everything below it: asks with SIGTERM, insists with SIGKILL after `grace` milliseconds.
 * The process is taken to lead its own group; descendants that left the group are found through /proc.
 */
export async function killTree(pid: number, grace: number): Promise<void> {
  const tree = new Set<number>([pid]);
  findAlive(pid, tree);
  signalAll(pid, tree, 'SIGTERM');
  for (const deadline = Date.now() + grace; Date.now() < deadline;) {
    if (findAlive(pid, tree) === 0) return;
    await sleep(50);
  }
  findAlive(pid, tree);
  signalAll(pid, tree, 'SIGKILL');
}

/** Processes that an ended process may have left running. */
export interface Remains {
  /** The process, which led a group of its own. */
  readonly pid: number;
  readonly mark: string;
  /** When it began, as {@link startOf} told; what is older is not of it. */
  readonly start: number;
}

/** Kills the processes that a process left running, until nothing remains that could start more. */
export async function killRemains({ pid, mark, start }: Remains): Promise<void> {
  const tree = new Set<number>();
  for (let round = 0; round < mostRounds; round++) {
    const running = runningProcesses();
    addTree(pid, tree, running);
    for (const [other, kin] of running) if (kin.start >= start && hasMark(other, mark)) tree.add(other);
    const left = [...tree].filter((one) => running.has(one));
    if (left.length === 0) return;
    for (const one of left) signal(one, 'SIGKILL');
    await sleep(10);
  }
}

/** Returns when a process began, in ticks since the machine did; 0 when it has ended. */
export function startOf(pid: number): number {
  return kinOf(pid)?.start ?? 0;
}

/** How often to look for what is left: each process could start others before it is killed. */
const mostRounds = 30;

/** Kills a process and its group, at once and without looking for others. */
export function killGroup(pid: number): void {
  signalAll(pid, [pid], 'SIGKILL');
}

/** The variable that marks a task's process and, since it is inherited, whatever that starts and wherever that goes. */
export const markName = 'KOJI_TASK_PROCESS';

/** Kills every process whose mark begins with this text. Returns their number. */
export function killMarked(beginning: string): number {
  const marked = [...runningProcesses().keys()].filter((pid) => hasMark(pid, beginning));
  for (const pid of marked) signal(pid, 'SIGKILL');
  return marked.length;
}

function hasMark(pid: number, beginning: string): boolean {
  return `\0${read(pid, 'environ')}`.includes(`\0${markName}=${beginning}`);
}

function signalAll(group: number, pids: Iterable<number>, name: NodeJS.Signals): void {
  for (const target of [-group, ...pids]) signal(target, name);
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch (error) {
    // Gone already is what we want; another user's (a setuid program) is out of reach, the others are not.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Adds descendants to the tree. Returns how many of its processes are still running. */
function findAlive(leader: number, tree: Set<number>): number {
  const running = runningProcesses();
  addTree(leader, tree, running);
  return [...tree].filter((pid) => running.has(pid)).length;
}

/** Adds the group and every process whose parent is in the set, until there are no more. */
function addTree(leader: number, tree: Set<number>, running: ReadonlyMap<number, Kin>): void {
  for (const [pid, { group }] of running) if (group === leader) tree.add(pid);
  for (let before = -1; before !== tree.size;) {
    before = tree.size;
    for (const [pid, { parent }] of running) if (tree.has(parent)) tree.add(pid);
  }
}

interface Kin {
  readonly parent: number;
  readonly group: number;
  readonly start: number;
}

/** Every process that is not a zombie. Read at once: a hundred small files take ten times as long one promise each. */
function runningProcesses(): Map<number, Kin> {
  const found = new Map<number, Kin>();
  for (const name of namesIn('/proc')) {
    const kin = /^\d+$/.test(name) ? kinOf(Number(name)) : null;
    if (kin) found.set(Number(name), kin);
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function kinOf(pid: number): Kin | null {
  const text = read(pid, 'stat');
  // The command's name is in parentheses and may contain anything, so fields are counted after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group] = fields;
  if (state === undefined || parent === undefined || state === 'Z') return null;
  return { parent: Number(parent), group: Number(group), start: Number(fields[19]) };
}

/** Reads a file that the kernel has of a process; nothing for one that is gone, or another user's. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
