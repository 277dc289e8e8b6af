import type { Logger } from '@koji/core';

/**
 * Outcome of a transaction that failed: `rolled-back`, or `unknown` if the answer to its commit was an error, so that it may
 * have been committed.
 */
export type BadEnd = 'rolled-back' | 'unknown';

/**
 * Work of a call outside its transaction: actions after a commit, undos after a rollback. A part of a multicall has its own
 * effects, which join its parent's if its savepoint is kept and are undone otherwise.
 */
export class Effects {
  private readonly actions: (() => unknown)[] = [];
  private readonly undos: (() => unknown)[] = [];
  private readonly restores: ((end: BadEnd) => unknown)[] = [];

  constructor(private readonly log: Logger) {}

  afterCommit(action: () => unknown): void {
    this.actions.push(action);
  }

  onRollback(undo: () => unknown): void {
    this.undos.push(undo);
  }

  beforeRollback(restore: (end: BadEnd) => unknown): void {
    this.restores.push(restore);
  }

  /** Takes over what a part wanted. */
  join(part: Effects): void {
    this.restores.push(...part.restores);
    this.actions.push(...part.actions);
    this.undos.push(...part.undos);
  }

  /** After the commit: runs the actions in order. The answer is decided, so that a failing one can only be logged. */
  async committed(): Promise<void> {
    for (const action of this.actions.splice(0)) await this.attempt(action, 'after the commit');
    this.undos.length = 0;
    this.restores.length = 0;
  }

  /** Before a rollback, while the transaction has its locks: restores what others must find as it was, last one first. */
  async restored(end: BadEnd = 'rolled-back'): Promise<void> {
    for (const restore of this.restores.splice(0).reverse())
      await this.attempt(() => restore(end), 'undoing a call that failed');
  }

  /** After a rollback: restores what is not restored yet and runs the undos, last one first. */
  async rolledBack(end: BadEnd = 'rolled-back'): Promise<void> {
    this.actions.length = 0;
    await this.restored(end);
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
