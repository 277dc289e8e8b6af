import { RowEncoder } from '@koji/core/wire';
import { follow } from './row-plan.js';
import { rowColumns } from './sqlite-rows.js';
import type { Column, LocalEngine, Outset, Portion, Statement } from './sqlite-engine.js';

/** Data about a statement's text: its columns, and the writer of its rows; null if two columns have the same name. */
interface Known {
  readonly names: readonly string[];
  readonly encoder: RowEncoder | null;
}

/** Turns one portion of a statement that runs into one that is written. */
type Write = (portion: Portion) => Portion;

const knownStatements = 500;

/** Runs statements whose rows are written as XML-RPC where they are read, so that nobody else has to touch them. */
export class WritingEngine {
  private readonly known = new Map<string, Known>();
  private readonly open = new Map<number, Write>();

  constructor(private readonly engine: LocalEngine) {}

  /** Runs a statement as {@link LocalEngine.run} does, and writes its rows if it asks for that. */
  run(statement: Statement): Outset {
    const { written, text, describe } = statement;
    if (!written) return this.engine.run(statement);
    const { columns, ...outset } = this.engine.run({ ...statement, describe: true });
    const { names, encoder } = this.knownOf(text, columns ?? []);
    const follows = follow(written, (column) => names.indexOf(column));
    const write: Write = (portion) => {
      const rows = portion.rows.filter((row) => follows(row as unknown[] as never));
      return { ...portion, ...encoded(encoder, rows) };
    };
    if (!outset.over) this.open.set(outset.cursor, write);
    return { ...outset, ...write(outset), columns: describe ? columns : null };
  }

  portion(cursor: number): Portion {
    const portion = this.engine.portion(cursor);
    const write = this.open.get(cursor);
    if (portion.over) this.open.delete(cursor);
    return write ? write(portion) : portion;
  }

  close(cursor: number): void {
    this.open.delete(cursor);
    this.engine.close(cursor);
  }

  private knownOf(text: string, columns: readonly Column[]): Known {
    const found = this.known.get(text);
    if (found) return found;
    const made = rowColumns(columns);
    const names = made.map(({ name }) => name);
    const known = { names, encoder: new Set(names).size === names.length ? new RowEncoder(made) : null };
    if (this.known.size >= knownStatements) this.known.clear();
    this.known.set(text, known);
    return known;
  }
}

/** Rows that can't be written are passed on unchanged, so that the encoder reports the problem and its place. */
function encoded(
  encoder: RowEncoder | null,
  rows: readonly (readonly unknown[])[],
): Pick<Portion, 'rows' | 'written'> {
  if (!encoder) return { rows };
  try {
    return { rows: [], written: { bytes: encoder.encode(rows), count: rows.length } };
  } catch {
    return { rows };
  }
}
