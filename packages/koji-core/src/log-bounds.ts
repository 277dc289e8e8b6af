/** Lines and characters of one logger that may be pending. */
const mostLines = 1000;
const mostCharacters = 1 << 20;
/** Maximum length of a line in characters. */
const longestLine = 1 << 16;
/** Milliseconds between checks of a log that is still being written. */
const patience = 50;

interface Waiting {
  lines: number;
  characters: number;
  dropped: number;
}

/** Destination for the lines of limited loggers. */
export interface BoundedSink {
  /** Whether all lines have been written. */
  readonly isIdle: () => boolean;
  /** Called with the number of dropped lines of a logger once the others have been written. */
  readonly tellDropped: (name: string, lines: number) => void;
}

/**
 * Keeps pending lines from filling the memory. If a plugin's logger writes faster than the log can, for example in a blocking
 * loop, further lines are dropped and counted.
 */
export class LogBounds {
  private readonly waiting = new Map<string, Waiting>();
  private looking = false;

  constructor(private readonly sink: BoundedSink) {}

  /** Returns the text to write, truncated if necessary, or null for a dropped line. */
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
    // Nothing is written before the event loop has completed a turn.
    setImmediate(look);
  }

  /** Everything has been written, so limited loggers may write again. */
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
