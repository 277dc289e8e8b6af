/** A list of things to close, last opened first; so that a start that fails half-way leaves nothing behind. */
export class Closers {
  private readonly list: { name: string; close: () => unknown }[] = [];
  private closing: Promise<void> | null = null;

  /** Remembers how to close something; `name` appears in the error when that fails. */
  add(name: string, close: () => unknown): void {
    this.list.push({ name, close });
  }

  /** Closes everything, last added first, also when one of them throws; the first error is thrown at the end. */
  closeAll(): Promise<void> {
    this.closing ??= this.run();
    return this.closing;
  }

  private async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let item = this.list.pop(); item; item = this.list.pop()) {
      try {
        await item.close();
      } catch (cause) {
        errors.push(new Error(`closing ${item.name} failed`, { cause }));
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
