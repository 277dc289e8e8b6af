import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Ends a process with everything below it: asks with SIGTERM, insists with SIGKILL after `grace` milliseconds.
 * The process is taken to lead its own group; descendants that left the group are found through /proc.
 */
export async function killTree(pid: number, grace: number): Promise<void> {
  const tree = new Set<number>([pid]);
  await findAlive(pid, tree);
  signalAll(pid, tree, 'SIGTERM');
  for (const deadline = Date.now() + grace; Date.now() < deadline;) {
    if ((await findAlive(pid, tree)) === 0) return;
    await sleep(50);
  }
  await findAlive(pid, tree);
  signalAll(pid, tree, 'SIGKILL');
}

/** Kills a process and its group, at once and without looking for others. */
export function killGroup(pid: number): void {
  signalAll(pid, [pid], 'SIGKILL');
}

/** The variable that marks a task's process and, since it is inherited, whatever that starts and wherever that goes. */
export const markName = 'KOJI_TASK_PROCESS';

/** Kills every process whose mark begins so; how many there were. */
export async function killMarked(beginning: string): Promise<number> {
  const marked: number[] = [];
  for (const pid of (await runningProcesses()).keys()) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (`\0${environment}`.includes(`\0${markName}=${beginning}`)) marked.push(pid);
  }
  for (const pid of marked) signal(pid, 'SIGKILL');
  return marked.length;
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

/** Adds the group and every process whose parent is in the set, until there are no more; how many of the set still run. */
async function findAlive(leader: number, tree: Set<number>): Promise<number> {
  const running = await runningProcesses();
  for (const [pid, { group }] of running) if (group === leader) tree.add(pid);
  for (let before = -1; before !== tree.size;) {
    before = tree.size;
    for (const [pid, { parent }] of running) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree].filter((pid) => running.has(pid)).length;
}

interface Kin {
  readonly parent: number;
  readonly group: number;
}

/** Every process that is not a zombie, with its parent and its group. */
async function runningProcesses(): Promise<Map<number, Kin>> {
  const names = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(names.map(async (name) => [Number(name), await kinOf(name)] as const));
  return new Map(found.flatMap(([pid, kin]) => (kin === null ? [] : [[pid, kin] as const])));
}

async function kinOf(pid: string): Promise<Kin | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The command's name stands in parentheses and may hold anything, so fields count from the last one.
  const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (state === undefined || parent === undefined || state === 'Z') return null;
  return { parent: Number(parent), group: Number(group) };
}
