import { GenericError, pauseWhenDue } from '@koji/core';
import type { Chunk } from '@koji/core/wire';
import { Spool } from './spool.js';
import type { SpoolRoom } from './spool.js';

/** Answers up to this many characters need no spool. */
const smallUpTo = 65_536;
/** An answer that is longer may be sent before it is whole, so that making it and reading it take place together. */
export const wholeUpTo = 1_048_576;

/** The answer of a call is longer than the hub's bound; the call ends with it, a multicall as a whole. */
export class AnswerTooLong extends GenericError {
  constructor(longest: number) {
    super(
      `the answer is too long: more than ${longest} bytes (MaxAnswerLength); ask for less, for example with limit and offset in queryOpts`,
    );
  }
}

/** Bounds and room of answers. */
export interface AnswerLimits {
  readonly room: SpoolRoom;
  /** Bytes of an answer; 0 for no limit. */
  readonly longest: number;
}

/** An answer: made at one end as fast as it can be, and read at the other when its client likes. */
export class Answer {
  /** Whether all of it is made. */
  whole = false;
  private small = '';
  private spool: Spool | null = null;
  private bytes = 0;

  /** @param parts whether what is put may be cut back again */
  constructor(
    private readonly limits: AnswerLimits,
    { parts = false } = {},
  ) {
    if (parts) this.spool = new Spool(limits.room);
  }

  /** The answer, if it is a small one and whole. */
  get text(): string | null {
    return this.whole && this.spool === null ? this.small : null;
  }

  /** Bytes put so far. */
  get length(): number {
    return this.spool === null ? Buffer.byteLength(this.small) : this.bytes;
  }

  /** Adds a text, or its bytes; returns a promise when it takes a while. */
  put(text: Chunk): Promise<void> | undefined {
    if (this.spool === null && this.small.length + text.length <= smallUpTo) {
      this.small += typeof text === 'string' ? text : Buffer.from(text).toString();
      return undefined;
    }
    return this.putLong(text);
  }

  /** Adds a text that is made piece by piece; other work runs in between. */
  async putAll(texts: AsyncIterable<Chunk>, onLong?: () => void): Promise<void> {
    let long = onLong;
    for await (const text of texts) {
      const put = this.put(text);
      if (put) await put;
      if (this.spool === null) continue;
      if (long && this.bytes > wholeUpTo) {
        long();
        long = undefined;
      }
      const pause = pauseWhenDue();
      if (pause) await pause;
    }
  }

  /** Takes back what was put since {@link length} was `mark`, in an answer of parts that nobody reads yet. */
  cutBack(mark: number): void {
    this.spool?.cutBack(mark);
    this.bytes = mark;
  }

  /** Marks the end of the data. */
  end(): void {
    this.whole = true;
    this.spool?.end();
  }

  /** Returns the next part; null after the last one. */
  async read(): Promise<Uint8Array | null> {
    return this.spool === null ? null : this.spool.read();
  }

  /** Ends it for both sides; its producer gets an error. */
  async close(): Promise<void> {
    await this.spool?.close();
  }

  private putLong(text: Chunk): Promise<void> | undefined {
    const part = typeof text === 'string' ? Buffer.from(text) : text;
    if (this.spool === null) {
      this.spool = new Spool(this.limits.room);
      if (this.small !== '') void this.spool.push(Buffer.from(this.small));
      this.bytes = Buffer.byteLength(this.small);
      this.small = '';
    }
    this.bytes += part.length;
    const { longest } = this.limits;
    if (longest > 0 && this.bytes > longest) throw new AnswerTooLong(longest);
    return this.spool.push(part);
  }
}
