import type { SteadySession } from '../steady.js';
import { Waiter, isDone } from '../watching.js';
import type { Run } from './command.js';
import type { Output } from './output.js';
import { steadyFor } from './outages.js';
import { noSuchTask, outputFiles } from './watch.js';

/** How to watch logs. */
export interface WatchLogsOptions {
  readonly log?: string | undefined;
  readonly follow: boolean;
}

/** Prints what tasks write to their logs until they are done. */
export async function watchLogs(run: Run, ids: readonly number[], options: WatchLogsOptions): Promise<void> {
  run.print('Watching logs (this may be safely interrupted)...');
  const session = steadyFor(run);
  const follower = new LogFollower(session, run, options);
  const waiter = new Waiter(session);
  const known = new Set(ids);
  let running = [...known];
  for (;;) {
    const open: { id: number; state: number }[] = [];
    for (let i = 0; i < running.length; i++) {
      const id = running[i] as number;
      const info = await session.getTaskInfo(id);
      if (info === null) noSuchTask(run, id);
      if (!isDone(info)) open.push(info);
      await follower.printNew(id);
      if (!options.follow) continue;
      for (const child of await session.getTaskChildren(id)) {
        if (known.has(child.id)) continue;
        known.add(child.id);
        running.push(child.id);
      }
    }
    if (open.length === 0) return;
    running = open.map(({ id }) => id);
    await waiter.pause(open, run.global.poll_interval);
  }
}

class LogFollower {
  private readonly offsets = new Map<string, number>();
  private last = '';

  constructor(
    private readonly session: SteadySession,
    private readonly out: Output,
    private readonly options: WatchLogsOptions,
  ) {}

  async printNew(taskId: number): Promise<void> {
    const wanted = this.options.log;
    for (const [name, volume] of await outputFiles(this.session, taskId)) {
      if (wanted === undefined ? !name.endsWith('log') : name !== wanted) continue;
      const place = `${taskId}:${volume}:${name}:`;
      const offset = this.offsets.get(place) ?? 0;
      let at = offset;
      for await (const block of this.session.streamTaskOutput(taskId, name, {
        offset,
        volume,
        blocksize: 16_384,
      })) {
        if (place !== this.last) this.out.write(`${this.last ? '\n' : ''}==> ${place} <==\n`);
        this.last = place;
        this.out.write(block);
        at += block.length;
      }
      this.offsets.set(place, at);
    }
  }
}
