import type { ServerResponse } from 'node:http';
import { ClientGone } from '../client.js';
import type { Answer } from './answer.js';
import type { Reply } from './dispatch.js';

/** Format of an answer. */
export interface ReplyOptions {
  /** Milliseconds from the first byte to the last. */
  readonly timeLimit: number;
  readonly contentType: string;
}

/** Sends a text with its headers, in one packet if it fits. */
export function sendText(
  response: ServerResponse,
  text: string,
  { timeLimit, contentType }: ReplyOptions,
): void {
  response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
  if (response.writableLength > 0) limitTime(response, timeLimit);
}

/** Sends a text for people with a status. */
export function sendPlain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** The response to one client, which must read the whole answer within a limited time from its first byte. */
export class HttpReply implements Reply {
  private answer: Answer | null = null;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: ReplyOptions,
  ) {}

  get begun(): boolean {
    return this.response.headersSent;
  }

  get gone(): boolean {
    return this.response.destroyed;
  }

  sendText(text: string): void {
    sendText(this.response, text, this.options);
  }

  send(answer: Answer): void {
    const { response, options } = this;
    const { text } = answer;
    if (text !== null) {
      sendText(response, text, options);
      return;
    }
    this.answer = answer;
    response.writeHead(200, {
      'Content-Type': options.contentType,
      ...(answer.whole ? { 'Content-Length': answer.length } : {}),
    });
    limitTime(response, options.timeLimit);
    // The producer of the answer notices with its next part.
    response.once('close', () => void answer.close());
    void this.pump(answer);
  }

  abort(): void {
    this.response.destroy();
    void this.answer?.close();
  }

  private async pump(answer: Answer): Promise<void> {
    const { response } = this;
    try {
      for (let part = await answer.read(); part !== null; part = await answer.read()) {
        if (response.destroyed) return;
        if (!response.write(part)) await drained(response);
      }
      response.end();
    } catch {
      // Too late for a fault. The closed connection shows the client that the answer is incomplete.
      response.destroy();
    } finally {
      await answer.close();
    }
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      if (response.destroyed) reject(new ClientGone());
      else resolve();
    };
    response.once('drain', done).once('close', done);
    if (response.destroyed) done();
  });
}

/** Starts a time limit that reading does not extend: otherwise a client could read a byte now and then for ever. */
function limitTime(response: ServerResponse, timeLimit: number): void {
  const late = setTimeout(() => response.destroy(), timeLimit);
  response.once('close', () => clearTimeout(late));
}
