/** When to stop trying what keeps failing. */
export interface CircuitOptions {
  /** Failures in a row that switch it off; 0 never does. */
  readonly limit: number;
  /** Milliseconds until it is tried once more. */
  readonly pause: number;
  /** The clock, in milliseconds. Default: the machine's. */
  readonly now?: () => number;
}

/** Switches something off that failed several times in a row, tries it again after a while, and on again once it works. */
export class Circuit {
  private failures = 0;
  private until: number | null = null;

  constructor(private readonly options: CircuitOptions) {}

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }

  /** Until when it is switched off; null when it may run. */
  get offUntil(): Date | null {
    return this.until !== null && this.now() < this.until ? new Date(this.until) : null;
  }

  /** Records a success. Returns whether it had been switched off. */
  succeeded(): boolean {
    const was = this.until !== null;
    this.failures = 0;
    this.until = null;
    return was;
  }

  /** Records a failure. Returns whether it is switched off now. */
  failed(): boolean {
    const { limit, pause } = this.options;
    this.failures += 1;
    if (limit === 0 || this.failures < limit) return false;
    this.until = this.now() + pause;
    return true;
  }
}
