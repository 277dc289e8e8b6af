/** Lines and characters of one logger that may wait to be written. */
const mostLines = 1000;
const mostCharacters = 1 << 20;
/** Characters of one line. */
const longestLine = 1 << 16;
/** Milliseconds until a log that was not written yet is looked at again. */
const patience = 50;

interface Waiting {
  lines: number;
  characters: number;
  dropped: number;
}

/** Where lines of bounded loggers go. */
export interface BoundedSink {
  /** Whether all lines are written. */
  readonly isIdle: () => boolean;
  /** Is told how many lines of a logger were left out, once the others are written. */
  readonly tellDropped: (name: string, lines: number) => void;
}

/**
 * Keeps the lines that wait to be written from filling the memory: what a logger of a plugin writes faster than the log takes it, in a
 * loop that lets nobody else run for instance, is counted and left out.
 */
export class LogBounds {
  private readonly waiting = new Map<string, Waiting>();
  private looking = false;

  constructor(private readonly sink: BoundedSink) {}

  /** Returns the text to write, shortened if need be; null for a line that is left out. */
  admit(name: string, text: () => string): string | null {
    if (!name.startsWith('koji.plugin.')) return text();
    const own = this.waiting.get(name) ?? { lines: 0, characters: 0, dropped: 0 };
    this.waiting.set(name, own);
    this.look();
    if (own.lines >= mostLines || own.characters >= mostCharacters) {
      own.dropped += 1;
      return null;
    }
    const line = shortened(text());
    own.lines += 1;
    own.characters += line.length;
    return line;
  }

  private look(): void {
    if (this.looking) return;
    this.looking = true;
    const look = (): void => {
      if (this.sink.isIdle()) this.written();
      else setTimeout(look, patience).unref();
    };
    // Nothing is written before the loop has gone round.
    setImmediate(look);
  }

  /** Everything is written: who was bounded may write again. */
  written(): void {
    this.looking = false;
    const dropped = [...this.waiting].filter(([, own]) => own.dropped > 0);
    this.waiting.clear();
    for (const [name, own] of dropped) this.sink.tellDropped(name, own.dropped);
  }
}

function shortened(line: string): string {
  return line.length > longestLine ? `${line.slice(0, longestLine)}… (${line.length} characters)` : line;
}
