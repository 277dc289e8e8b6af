/** A thread of its own for one connection to a SQLite file, which other threads ask by messages; see sqlite-threads.ts. */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type SqliteDatabase from 'better-sqlite3';
import { LocalEngine, addFunctions } from './sqlite-engine.js';
import type { Outset, Portion, Statement } from './sqlite-engine.js';
import { WritingEngine } from './sqlite-writing.js';

/** The database to open. */
export interface ThreadData {
  readonly file: string;
  /** The name of the driver's package. */
  readonly driver: string;
  /** Milliseconds to wait for a file that another process has locked. */
  readonly timeout: number;
}

/** Requests to the thread; the answer has the same number. `commit` and `end` have no answer. */
export type Question = {
  readonly number: number;
  /** Whether a transaction begins before it. */
  readonly begins?: boolean;
} & (
  | { readonly ask: 'run'; readonly statement: Statement }
  | { readonly ask: 'next' | 'close'; readonly cursor: number }
  | { readonly ask: 'command'; readonly text: string }
  | { readonly ask: 'version' | 'commit' | 'end' }
);

/** Answers of the thread. */
export interface Reply {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: { readonly message: string; readonly code: unknown };
}

const port = parentPort;
if (!port) throw new Error('this file runs as a thread only');
const { file, driver, timeout } = workerData as ThreadData;
const Driver = createRequire(import.meta.url)(driver) as typeof SqliteDatabase;
const database = new Driver(file, { readonly: true, fileMustExist: true, timeout });
addFunctions(database);
const engine = new LocalEngine(database, true);
const writing = new WritingEngine(engine);

port.on('message', (question: Question) => {
  if (question.ask === 'end') {
    database.close();
    port.close();
    return;
  }
  // An error here ends the thread, which could not begin another transaction.
  if (question.ask === 'commit') {
    engine.command('COMMIT');
    return;
  }
  const reply = answer(question);
  const bytes = (reply.value as Partial<Outset & Portion> | undefined)?.written?.bytes;
  port.postMessage(reply, bytes ? [bytes.buffer] : []);
});

function answer(question: Question): Reply {
  const { number } = question;
  try {
    if (question.begins) engine.command('BEGIN');
    return { number, value: perform(question) };
  } catch (error) {
    const { message, code } = error as { message: string; code?: unknown };
    return { number, error: { message, code } };
  }
}

function perform(question: Question): unknown {
  switch (question.ask) {
    case 'run':
      return writing.run(question.statement);
    case 'next':
      return writing.portion(question.cursor);
    case 'version':
      return engine.version();
    case 'close':
      writing.close(question.cursor);
      return undefined;
    case 'command':
      engine.command(question.text);
      return undefined;
    case 'commit':
    case 'end':
      return undefined;
  }
}
