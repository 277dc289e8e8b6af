/** Information for the administrator of a hub: its health, its metrics, and the description of its methods. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientAddress, peerAddress } from '@koji/core';
import type { Hub } from '../call.js';
import { ApiDescription } from './api-description.js';
import { Readiness } from './readiness.js';
import { sendPlain } from './reply.js';

/** Headers that mark a request as forwarded by a proxy. */
const proxyHeaders = ['x-forwarded-for', 'forwarded', 'via'];

const uncounted = 'Not Found\nNothing is counted: option MetricsFrom of hub.conf is empty.\n';
const unreadable = 'Service Unavailable\nThe log of the hub says why.\n';

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/** Answers GET and HEAD at /healthz, /readyz, /metrics and /kojihub/openrpc.json. */
export class StateDoors {
  private readonly description: ApiDescription;
  private readonly readiness: Readiness;
  private readonly doors: ReadonlyMap<string, Answer>;

  constructor(
    private readonly hub: Hub,
    /** Whether the hub is stopping; it may continue to answer for a while. */
    private readonly isEnding: () => boolean,
  ) {
    this.description = new ApiDescription(hub);
    this.readiness = new Readiness(hub);
    this.doors = new Map<string, Answer>([
      [
        '/healthz',
        (_request, response) => {
          tell(response, null);
        },
      ],
      [
        '/readyz',
        async (_request, response) => {
          tell(response, await this.problem());
        },
      ],
      ['/metrics', (request, response) => this.tellMetrics(request, response)],
      [
        '/kojihub/openrpc.json',
        (request, response) => {
          this.describe(request, response);
        },
      ],
    ]);
  }

  /** Answers a request for one of these paths; returns false for any other path. */
  async answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const door = this.doors.get(path);
    if (!door) return false;
    if (request.method === 'GET' || request.method === 'HEAD') await door(request, response);
    else {
      response.setHeader('Allow', 'GET, HEAD');
      sendPlain(response, 405, 'Method Not Allowed\n');
    }
    return true;
  }

  private async problem(): Promise<string | null> {
    if (this.isEnding()) return 'the hub is stopping';
    return this.readiness.problem();
  }

  private async tellMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Cache-Control', 'no-store');
    const { MetricsFrom: readers } = this.hub.options;
    if (!readers.includes('*') && !this.mayRead(request)) {
      sendPlain(response, 403, 'Forbidden\nOption MetricsFrom of hub.conf says who may read this.\n');
      return;
    }
    const text = await this.figures();
    if (text === undefined || text === null) {
      sendPlain(response, text === null ? 404 : 503, text === null ? uncounted : unreadable);
      return;
    }
    const type = 'text/plain; version=0.0.4; charset=utf-8';
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
    response.end(text);
  }

  private mayRead(request: IncomingMessage): boolean {
    const { MetricsFrom: readers, TrustedProxies: proxies } = this.hub.options;
    // The sender behind an unknown proxy can't be identified.
    const isForwarded = proxyHeaders.some((name) => request.headers[name] !== undefined);
    const isKnown = !isForwarded || proxies.includes(peerAddress(request));
    return isKnown && readers.includes(clientAddress(request, this.hub.options));
  }

  private async figures(): Promise<string | null | undefined> {
    try {
      return await this.hub.metrics.text();
    } catch (error) {
      this.hub.logger('koji.http').warn('/metrics cannot be answered', error);
      return undefined;
    }
  }

  /** Sends the description of all methods, from which clients can be generated. */
  private describe(request: IncomingMessage, response: ServerResponse): void {
    const { text, etag } = this.description.current();
    response.setHeader('ETag', etag);
    response.setHeader('Cache-Control', 'public, max-age=300');
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
    response.end(text);
  }
}

function tell(response: ServerResponse, problem: string | null): void {
  response.setHeader('Cache-Control', 'no-store');
  sendPlain(response, problem === null ? 200 : 503, `${problem ?? 'ok'}\n`);
}
