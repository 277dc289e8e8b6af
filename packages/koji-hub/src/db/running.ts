/** Counts the transactions under way, so that closing can wait for them. */
export class Running {
  private readonly idle: (() => void)[] = [];
  private underWay = 0;
  private closing: Promise<void> | null = null;

  async count<T>(work: () => Promise<T>): Promise<T> {
    if (this.closing) throw new Error('the database is closed');
    this.underWay += 1;
    try {
      return await work();
    } finally {
      this.underWay -= 1;
      if (this.underWay === 0) for (const wake of this.idle.splice(0)) wake();
    }
  }

  close(last: () => Promise<void>): Promise<void> {
    this.closing ??= (async () => {
      if (this.underWay > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
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
