import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeCall, encodeFault, encodeResponse } from '@koji/core/wire';

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  readonly params: unknown[];
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly body: Buffer;
  /** Tells connections apart. */
  readonly port: number;
}

/** Reaction to a request: a value or fault, a status, or a broken connection. */
export type Reply =
  | { value: unknown }
  | { fault: [number, string] }
  | { status: number; text?: string; headers?: Record<string, string> }
  | 'drop'
  | 'hang';

/** A server for the failures that a real hub can't be asked for. */
export class StandIn {
  readonly seen: Seen[] = [];
  private readonly server = createServer((request, response) => void this.serve(request, response));
  private answer: (seen: Seen, index: number) => Reply = () => ({ value: null });

  /** Starts it; the answer is asked for each request with its number, from 0. */
  static async start(answer: (seen: Seen, index: number) => Reply): Promise<StandIn> {
    const standIn = new StandIn();
    standIn.answer = answer;
    await new Promise<void>((resolve) => standIn.server.listen(0, '127.0.0.1', resolve));
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/kojihub`;
  }

  get methods(): string[] {
    return this.seen.map((seen) => seen.method);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const raw = request.headers['content-type'] === 'application/octet-stream';
    const { method, params } = raw ? { method: 'rawUpload', params: [] } : decodeCall(body);
    const { headers, url = '', socket } = request;
    const seen = { method, params, headers, url, body, port: socket.remotePort ?? 0 };
    this.seen.push(seen);
    const reply = this.answer(seen, this.seen.length - 1);
    if (reply === 'hang') return;
    if (reply === 'drop') socket.destroy();
    else if ('status' in reply) response.writeHead(reply.status, reply.headers).end(reply.text ?? '');
    else {
      const text = 'fault' in reply ? encodeFault(...reply.fault) : encodeResponse(reply.value);
      response.writeHead(200, { 'content-type': 'text/xml', 'koji-version': '1.35.3' }).end(text);
    }
  }
}
