import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericError, ParameterError } from '@koji/core';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';

/** Sleeps for some seconds; for tests of an installation. */
export class SleepTask extends BaseTaskHandler {
  static override readonly Methods = ['sleep'];
  static override readonly _taskWeight = 0.25;

  async handler(n: unknown): Promise<null> {
    const seconds = Number(n);
    if (typeof n === 'boolean' || !Number.isFinite(seconds) || seconds < 0)
      throw new ParameterError(`sleep: n must be a number of seconds, not ${JSON.stringify(n)}`);
    this.logger.info(`sleeping for ${seconds} seconds`);
    await sleep(seconds * 1000);
    this.logger.info('finished sleeping');
    return null;
  }
}

/** Starts `n` processes that sleep `m` seconds and does not wait for them, to show that they go with the task. */
export class ForkTask extends BaseTaskHandler {
  static override readonly Methods = ['fork'];
  static override readonly _taskWeight = 0.1;

  handler(n = 5, m = 37): null {
    for (let i = 0; i < n; i++) spawn('sleep', [String(m)], { stdio: 'ignore' });
    return null;
  }
}

/** Waits for `count` sleeping subtasks and one that fails, which it may. */
export class WaitTestTask extends BaseTaskHandler {
  static override readonly Methods = ['waittest'];
  static override readonly _taskWeight = 0.1;

  async handler(count: number, seconds = 10): Promise<null> {
    const tasks: number[] = [];
    for (let i = 0; i < count; i++) tasks.push(await this.subtask('sleep', [seconds], { label: String(i) }));
    const bad = await this.session.host.subtask('sleep', ['BAD_ARG'], this.id, named({ label: 'bad' }));
    const results = await this.wait([...tasks, bad], { failAny: true, canFail: [bad] });
    for (const [id, result] of results) this.logger.info(`subtask ${id}: ${JSON.stringify(result)}`);
    return null;
  }
}

/** Makes a chain of `n` subtasks, each waiting for the next one. */
export class SubtaskTask extends BaseTaskHandler {
  static override readonly Methods = ['subtask'];
  static override readonly _taskWeight = 0.1;

  async handler(n = 4): Promise<null> {
    const next =
      n > 0
        ? this.subtask('subtask', [n - 1], { label: 'foo' })
        : this.subtask('sleep', [15], { label: 'bar' });
    await this.wait(await next);
    return null;
  }
}

/** Handles a task with the method `default`, which does not exist. */
export class DefaultTask extends BaseTaskHandler {
  static override readonly Methods = ['default'];
  static override readonly _taskWeight = 0.1;

  handler(): never {
    throw new GenericError(`Invalid method: ${this.method}`);
  }
}
