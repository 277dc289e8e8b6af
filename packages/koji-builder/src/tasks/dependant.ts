import { GenericError, TASK_STATES } from '@koji/core';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';

/** A task to start: its method, arguments, and options of `host.subtask`. */
type StartedTask = readonly [
  method: string,
  args: readonly unknown[],
  options?: Readonly<Record<string, unknown>> | null,
];

/** Milliseconds between two questions to the hub. */
const pause = 1000;

/** Waits for other tasks, which need not be its subtasks, and then runs some subtasks. */
export class DependantTask extends BaseTaskHandler {
  static override readonly Methods = ['dependantTask'];
  static override readonly _taskWeight = 0.2;

  async handler(wait_list: readonly unknown[], task_list: readonly StartedTask[]): Promise<null> {
    for (let waiting = await this.known(wait_list); waiting.length > 0;) {
      waiting = await this.unfinished(waiting);
      await this.runtime.pause(pause);
    }
    const subtasks: number[] = [];
    for (const [method, args, options] of task_list)
      subtasks.push(await this.session.host.subtask(method, args, this.id, named({ ...options })));
    if (subtasks.length > 0) await this.wait(subtasks);
    return null;
  }

  private async known(list: readonly unknown[]): Promise<number[]> {
    const found: number[] = [];
    for (const id of list)
      if (typeof id === 'number' && (await this.session.getTaskInfo(id))) found.push(id);
      else this.logger.warn(`there is no task ${String(id)} to wait for`);
    return found;
  }

  private async unfinished(tasks: readonly number[]): Promise<number[]> {
    const left: number[] = [];
    for (const id of tasks) {
      if (!(await this.session.taskFinished(id))) {
        left.push(id);
        continue;
      }
      const info = await this.session.getTaskInfo(id);
      if (info && 'state' in info && info.state !== TASK_STATES.CLOSED)
        throw new GenericError(`Dependency ${id} failed to complete.`);
    }
    return left;
  }
}
