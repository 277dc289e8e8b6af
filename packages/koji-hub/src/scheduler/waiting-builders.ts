/** Builders that wait in this process: without any, nobody would hear of an assignment before asking. */
export class WaitingBuilders {
  private count = 0;

  /** Called when one begins to wait; the scheduler's own. */
  onBegin: () => void = () => undefined;

  get any(): boolean {
    return this.count > 0;
  }

  /** Counts a waiting builder while `work` runs. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.count += 1;
    this.onBegin();
    try {
      return await work();
    } finally {
      this.count -= 1;
    }
  }
}
