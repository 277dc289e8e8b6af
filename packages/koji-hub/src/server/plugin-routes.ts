/** Requests of other servers to plugins: their limits, routing and answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ActionNotAllowed, AuthError, GenericError, clientAddress, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import {
  Circuit,
  TimeLimitError,
  isSigned,
  limitOf,
  messageText,
  runInContext,
  withTimeLimit,
} from '@koji/plugin-sdk/host';
import type { LoadedPlugin, PluginRoute } from '@koji/plugin-sdk/host';
import type { Hub } from '../call.js';
import type { PluginCalls } from '../plugin-calls.js';
import { limitRules } from '../plugins.js';
import { readBody } from './body.js';
import type { BodyLimits } from './body.js';
import { sendPlain } from './reply.js';
import type { RunningCall } from './running-call.js';

/** Prefix of all addresses of routes. */
export const routePrefix = '/kojihub/plugin/';

/** Route of a request to a plugin. */
interface Found {
  readonly plugin: LoadedPlugin;
  readonly route: PluginRoute;
  readonly circuit: Circuit;
}

/** A short answer. */
interface Plain {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

/** Headers with the identity of a browser or client, which a plugin must not see. */
const hidden = new Set([
  'cookie',
  'authorization',
  'proxy-authorization',
  'koji-session-key',
  'koji-session-id',
]);

/** Answers requests to plugins. Each hub process has one instance. */
export class PluginRoutes {
  private readonly log: Logger;
  private readonly circuits = new WeakMap<PluginRoute, Circuit>();

  constructor(
    private readonly hub: Hub,
    private readonly calls: PluginCalls,
  ) {
    this.log = hub.logger('koji.routes');
  }

  /**
   * Answers a request whose path begins with {@link routePrefix}.
   *
   * @throws BodyError if the body could not be read
   */
  async answer(
    path: string,
    query: string,
    {
      request,
      response,
      limits,
    }: { request: IncomingMessage; response: ServerResponse; limits: Omit<BodyLimits, 'limit'> },
  ): Promise<void> {
    const found = this.find(path.slice(routePrefix.length));
    const early = this.refusal(found, request, response);
    if (early || !found) {
      response.setHeader('Connection', 'close');
      sendPlain(response, early?.status ?? 404, early?.text ?? 'Not Found\n');
      return;
    }
    const body = await readBody(request, { ...limits, limit: found.route.longest });
    try {
      if (body.problem !== null) {
        response.setHeader('Connection', 'close');
        const status = body.problem === 'too long' ? 413 : 503;
        sendPlain(response, status, `The body is ${status === 413 ? 'too long' : 'one of too many'}\n`);
        return;
      }
      const { status, text, type = 'text/plain' } = await this.run(found, query, request, body.bytes);
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
      response.end(text);
    } finally {
      body.release();
    }
  }

  private find(rest: string): Found | null {
    const [, name, end] = /^([^/]+)\/([^/]+)$/.exec(rest) ?? [];
    const plugin = this.hub.plugins.find((one) => one.name === name);
    const route = plugin?.routes.find((one) => one.name === end);
    if (!plugin || !route) return null;
    const { CallbackFailureLimit: limit, CallbackPause: pause } = this.hub.options;
    const circuit = this.circuits.get(route) ?? new Circuit({ limit, pause: pause * 1000 });
    this.circuits.set(route, circuit);
    return { plugin, route, circuit };
  }

  /** Reason why a request is not read. */
  private refusal(found: Found | null, request: IncomingMessage, response: ServerResponse): Plain | null {
    const { LockOut, ServerOffline } = this.hub.options;
    if (LockOut || ServerOffline) return { status: 503, text: 'The hub is offline\n' };
    if (!found) return { status: 404, text: 'No plugin answers here\n' };
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      return { status: 405, text: 'Only POST requests are accepted\n' };
    }
    const until = this.hub.switches.offUntil(found.plugin.name) ?? found.circuit.offUntil;
    if (!until) return null;
    this.hub.activity.of(actorOf(found)).skipped += 1;
    response.setHeader('Retry-After', Math.max(1, Math.ceil((until.getTime() - Date.now()) / 1000)));
    return { status: 503, text: 'The plugin is switched off\n' };
  }

  private async run(found: Found, query: string, request: IncomingMessage, body: Buffer): Promise<Plain> {
    const { plugin, route, circuit } = found;
    const title = `route ${route.name} of ${plugin.name}`;
    const address = clientAddress(request, this.hub.options);
    const headers = headersOf(request);
    if (route.signed && !isSigned(route.signed, headers, body)) {
      this.log.warn(`${title}: refused a request from ${address} without a valid signature`);
      return { status: 401, text: 'The signature does not fit\n' };
    }
    const given = { headers, query: new URLSearchParams(query), body, address };
    try {
      const answer = await this.hub.activity.measure(actorOf(found), () =>
        this.inTransaction(found, () =>
          withTimeLimit(limitOf(plugin.limits, 'routes', limitRules(this.hub.options)), async () =>
            asPlain(await route.answer(given)),
          ),
        ),
      );
      circuit.succeeded();
      return answer;
    } catch (error) {
      const refused = refusalOf(error);
      if (refused) {
        this.log.info(`${title} refused a request from ${address}: ${messageOf(error)}`);
        return refused;
      }
      this.log.error(`${title} failed: ${messageOf(error)}`, error);
      if (circuit.failed())
        this.log.error(
          `${title} is switched off for ${this.hub.options.CallbackPause} s, since it keeps failing`,
        );
      return { status: 500, text: 'Internal Server Error\n' };
    }
  }

  private inTransaction({ plugin, route }: Found, work: () => Promise<Plain>): Promise<Plain> {
    const code = { plugin: plugin.name, part: `route ${route.name}` };
    const run = (call: RunningCall): Promise<Plain> => runInContext(call, code, work);
    return route.access === 'write' ? this.calls.write(code, run) : this.calls.without(code, run);
  }
}

const actorOf = ({ plugin, route }: Found) =>
  ({ plugin: plugin.name, kind: 'route', name: route.name }) as const;

function headersOf(request: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(request.headersDistinct).filter(([name]) => !hidden.has(name));
  return Object.fromEntries(pairs.map(([name, values = []]) => [name, values.join(', ')]));
}

function asPlain(answer: unknown): Plain {
  if (answer === undefined || answer === null) return { status: 200, text: '' };
  if (typeof answer === 'string') return { status: 200, text: answer, type: 'text/plain; charset=utf-8' };
  return { status: 200, text: messageText(answer), type: 'application/json' };
}

/** The sender's mistake as reported by the plugin; null if it is not a fault of Koji. */
function refusalOf(error: unknown): Plain | null {
  if (error instanceof TimeLimitError || !(error instanceof GenericError)) return null;
  const status = error instanceof ActionNotAllowed || error instanceof AuthError ? 403 : 400;
  return { status, text: `${error.message}\n` };
}
