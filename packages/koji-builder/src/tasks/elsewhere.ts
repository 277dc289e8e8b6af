import { BaseTaskHandler, RefuseTask } from '@koji/plugin-sdk';

/** Requirements of the tasks that this kojid leaves to others. */
const needs: Readonly<Record<string, string>> = {
  vmExec: 'libvirt and kojivmd',
  winbuild: 'libvirt and kojivmd',
};

/**
 * Tasks that are made with tools of other builders. They are refused with a reason that names the tools, which people see at
 * the task; the hub gives them to a builder that has them.
 */
export class ElsewhereTask extends BaseTaskHandler {
  static override readonly Methods = Object.keys(needs);

  override checkHost(): never {
    throw new RefuseTask(`${this.method} needs a builder with ${needs[this.method] ?? 'other tools'}`);
  }

  /** Takes whatever arguments there are, so that nothing but the refusal is reported. */
  handler(...args: never[]): never {
    this.logger.error(`${this.method} runs with ${args.length} arguments, although it was refused`);
    return this.checkHost();
  }
}
