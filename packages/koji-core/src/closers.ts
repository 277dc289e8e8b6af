/** A list of resources to close, in reverse order, so that a start that fails half-way leaves nothing behind. */
export class Closers {
  private readonly list: { name: string; close: () => unknown }[] = [];
  private closing: Promise<void> | null = null;

  /** Registers how to close a resource; `name` appears in the error if that fails. */
  add(name: string, close: () => unknown): void {
    this.list.push({ name, close });
  }

  /** Closes everything, last added first, even if some of them throw; then throws the first error. */
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
