import { AsyncLocalStorage } from 'node:async_hooks';

/** Counts the transactions under way, so that closing can wait for them, and refuses a write inside a write. */
export class Running {
  private readonly writing = new AsyncLocalStorage<{ open: boolean }>();
  private readonly idle: (() => void)[] = [];
  private count = 0;
  private closing: Promise<void> | null = null;

  async read<T>(work: () => Promise<T>): Promise<T> {
    if (this.closing) throw new Error('the database is closed');
    this.count += 1;
    try {
      return await work();
    } finally {
      this.count -= 1;
      if (this.count === 0) for (const wake of this.idle.splice(0)) wake();
    }
  }

  async write<T>(work: () => Promise<T>): Promise<T> {
    if (this.writing.getStore()?.open) {
      throw new Error(
        'a write inside a write would wait for itself: use savepoint(), or write after the commit',
      );
    }
    const mark = { open: true };
    try {
      return await this.read(() => this.writing.run(mark, work));
    } finally {
      // What the write left running (a timer, an action after the commit) may write again.
      mark.open = false;
    }
  }

  close(last: () => Promise<void>): Promise<void> {
    this.closing ??= (async () => {
      if (this.count > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
      await last();
    })();
    return this.closing;
  }
}

/** Those who listen within this process. */
export class Channels {
  private readonly heard = new Set<(channel: string) => void>();

  add(heard: (channel: string) => void): () => void {
    // Wrapped, so that one function added twice is told twice and removed once.
    const own = (channel: string): void => heard(channel);
    this.heard.add(own);
    return () => void this.heard.delete(own);
  }

  tell(channel: string): void {
    for (const heard of [...this.heard]) heard(channel);
  }
}
