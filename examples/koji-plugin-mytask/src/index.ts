import { BaseTaskHandler } from '@koji/plugin-sdk';

/** The result of a task `mytask`. */
export interface MyResult {
  readonly arg1: string;
  readonly arg2: string;
  readonly kwarg1: string | null;
  /** The id of the task itself. */
  readonly task: number;
}

/** Handles tasks `mytask`: logs its arguments, uploads them as `mytask.txt` and answers them. */
export class MyTask extends BaseTaskHandler {
  static override readonly Methods = ['mytask'];
  static override readonly _taskWeight = 2.0;

  async handler(arg1: string, arg2: string, kwarg1: string | null = null): Promise<MyResult> {
    this.logger.info(`mytask ${this.id} runs with arg1=${arg1} arg2=${arg2} kwarg1=${kwarg1}`);
    await this.uploadText('mytask.txt', `${arg1}\n${arg2}\n${kwarg1 ?? ''}\n`);
    return { arg1, arg2, kwarg1, task: this.id };
  }
}
