import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { sqliteDriverName } from './sqlite-driver.js';
import type { Engine, Outset, Portion, Statement } from './sqlite-engine.js';
import type { Question, Reply, ThreadData } from './sqlite-thread.js';

// Tests run the sources as they are, which a thread can't.
const program = new URL(
  import.meta.url.replace('/src/db/', '/dist/db/').replace(/[^/]*$/, 'sqlite-thread.js'),
);

type Asked<Q = Question> = Q extends Question ? Omit<Q, 'number'> : never;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Something went wrong with the thread itself. */
class ThreadError extends Error {
  readonly code = 'KOJI_THREAD';
}

/** An error of the driver, or of what it called, as the thread told it. */
class ToldError extends Error {
  constructor(
    message: string,
    readonly code: unknown,
  ) {
    super(message);
  }
}

/**
 * A connection that reads a SQLite file in a thread of its own, so that statements of any length keep nobody else waiting.
 * The driver can't interrupt a statement: one runs to its end, and the thread is not used by another call until then.
 */
export class ThreadEngine implements Engine {
  readonly writes = true;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  private failure: Error | null = null;
  /** Whether a transaction begins with the next question: a message of its own would take as long as a statement. */
  private begins = false;

  private constructor(private readonly worker: Worker) {
    worker.on('message', (reply: Reply) => this.take(reply));
    worker.on('error', (cause) => this.fail(new ThreadError('a thread that reads broke', { cause })));
    worker.on('exit', () => this.fail(new ThreadError('a thread that reads has ended')));
  }

  /** Opens a connection that reads a file. */
  static async open(file: string, timeout: number): Promise<ThreadEngine> {
    const workerData: ThreadData = { file, driver: sqliteDriverName(), timeout };
    const engine = new ThreadEngine(new Worker(program, { workerData, execArgv: [], name: 'koji-sqlite' }));
    await engine.version();
    return engine;
  }

  /** Whether it can be used no more. */
  get broken(): boolean {
    return this.failure !== null;
  }

  /** Lets the process end, or not, while the thread waits for work. */
  hold(isUsed: boolean): void {
    if (isUsed) this.worker.ref();
    else this.worker.unref();
  }

  run(statement: Statement): Promise<Outset> {
    // All rows in one message would keep this thread from everything else until they are unpacked.
    const rows = statement.rows === 'all' ? 'some' : statement.rows;
    return this.ask<Outset>({ ask: 'run', statement: { ...statement, rows } });
  }

  next(cursor: number): Promise<Portion> {
    return this.ask<Portion>({ ask: 'next', cursor });
  }

  close(cursor: number): void {
    void this.ask({ ask: 'close', cursor }).catch(() => undefined);
  }

  async command(text: string): Promise<void> {
    if (text === 'BEGIN') this.begins = true;
    else if (this.begins && (text === 'COMMIT' || text === 'ROLLBACK')) this.begins = false;
    // The result of the end is irrelevant to a transaction that only reads.
    else if (text === 'COMMIT') this.send({ ask: 'commit' });
    else await this.ask({ ask: 'command', text });
  }

  version(): Promise<number> {
    return this.ask<number>({ ask: 'version' });
  }

  /** Closes the connection once what it does is done. */
  async end(): Promise<void> {
    if (this.broken) return;
    const exit = once(this.worker, 'exit');
    this.hold(true);
    this.send({ ask: 'end' });
    await exit;
  }

  private ask<T>(question: Asked): Promise<T> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiting.set(this.last + 1, { resolve: resolve as (value: unknown) => void, reject });
      this.send(question);
    });
  }

  private send(question: Asked): void {
    const message: Question = { ...question, number: ++this.last, begins: this.begins };
    this.begins = false;
    this.worker.postMessage(message);
  }

  private take({ number, value, error }: Reply): void {
    const waiting = this.waiting.get(number);
    this.waiting.delete(number);
    if (error) waiting?.reject(new ToldError(error.message, error.code));
    else waiting?.resolve(value);
  }

  private fail(failure: Error): void {
    this.failure ??= failure;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}
