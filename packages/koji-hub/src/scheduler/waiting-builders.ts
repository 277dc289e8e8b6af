/** A builder that waits, with the login that it waits by. */
export interface WaitingBuilder {
  readonly hostId: number;
  readonly sessionId: number | null;
}

/** Builders that wait in this process; without any, assignments are noticed only when builders ask. */
export class WaitingBuilders {
  private readonly waiting = new Set<WaitingBuilder>();

  /** Called when one begins to wait; the scheduler's own. */
  onBegin: () => void = () => undefined;

  get any(): boolean {
    return this.waiting.size > 0;
  }

  /** Those that wait now. */
  list(): readonly WaitingBuilder[] {
    return [...this.waiting];
  }

  /** Counts a waiting builder while `work` runs. */
  async during<T>(hostId: number, sessionId: number | null, work: () => Promise<T>): Promise<T> {
    const builder = { hostId, sessionId };
    this.waiting.add(builder);
    this.onBegin();
    try {
      return await work();
    } finally {
      this.waiting.delete(builder);
    }
  }
}
