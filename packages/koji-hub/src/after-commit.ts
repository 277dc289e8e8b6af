import type { Logger } from '@koji/core';

/**
 * What a call wants done outside its transaction: actions for when it is durable, undos for when it is not. A part of a
 * multicall has effects of its own, which join its parent's when its savepoint stands and are undone when it falls.
 */
export class Effects {
  private readonly actions: (() => unknown)[] = [];
  private readonly undos: (() => unknown)[] = [];

  constructor(private readonly log: Logger) {}

  afterCommit(action: () => unknown): void {
    this.actions.push(action);
  }

  onRollback(undo: () => unknown): void {
    this.undos.push(undo);
  }

  /** Takes over what a part wanted. */
  join(part: Effects): void {
    this.actions.push(...part.actions);
    this.undos.push(...part.undos);
  }

  /** After the commit: runs the actions in order. The answer is decided, so that a failing one can only be logged. */
  async committed(): Promise<void> {
    for (const action of this.actions.splice(0)) await this.attempt(action, 'after the commit');
    this.undos.length = 0;
  }

  /** After a rollback: runs the undos, last one first. */
  async rolledBack(): Promise<void> {
    this.actions.length = 0;
    for (const undo of this.undos.splice(0).reverse()) await this.attempt(undo, 'undoing a rolled back call');
  }

  private async attempt(action: () => unknown, when: string): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.log.error(`an action failed ${when}`, error);
    }
  }
}
