/**
 * Calls and statements as OpenTelemetry spans, using only its API: the administrator loads an SDK, which decides where spans
 * go. A client's `traceparent` header makes its span the parent.
 */
import type { Attributes, Span } from '@opentelemetry/api';
import type { IncomingHttpHeaders } from 'node:http';
import type { StatementWatch } from '../db/connection.js';
import type { Dialect } from '../db/sql.js';

/** Who traces. */
export interface Tracer {
  /** Runs the work of a call within a span of its own. */
  during<T>(method: string, headers: IncomingHttpHeaders, work: (span: CallSpan) => Promise<T>): Promise<T>;
  /** Makes spans of statements that ended. */
  readonly statement: (dialect: Dialect) => StatementWatch;
}

/** Attributes of a call's span. */
export interface CallSpan {
  set(attributes: Attributes): void;
  /** Marks it as failed; `cause` is a class of faults, never a text with somebody's data in it. */
  fail(cause: string): void;
}

const untraced: CallSpan = { set: () => undefined, fail: () => undefined };

/** Traces nothing. */
export const noTracer: Tracer = {
  during: (_method, _headers, work) => work(untraced),
  statement: () => () => undefined,
};

/** Begins to trace by the SDK that is registered. */
export async function openTracer(): Promise<Tracer> {
  const { SpanKind, SpanStatusCode, context, propagation, trace } = await import('@opentelemetry/api');
  const tracer = trace.getTracer('@koji/hub');
  const callSpan = (span: Span): CallSpan => ({
    set: (attributes) => void span.setAttributes(attributes),
    fail: (cause) => void span.setStatus({ code: SpanStatusCode.ERROR, message: cause }),
  });
  return {
    during: (method, headers, work) => {
      const parent = propagation.extract(context.active(), headers);
      const attributes = { 'rpc.system.name': 'xmlrpc', 'rpc.method': method };
      return tracer.startActiveSpan(method, { kind: SpanKind.SERVER, attributes }, parent, async (span) => {
        try {
          return await work(callSpan(span));
        } finally {
          span.end();
        }
      });
    },
    statement: (dialect) => (query, milliseconds) => {
      const { text } = query.render(dialect);
      const endTime = Date.now();
      const name = /^\s*(\w+)/.exec(text)?.[1] ?? 'statement';
      const attributes = {
        'db.system.name': dialect === 'postgres' ? 'postgresql' : 'sqlite',
        'db.query.text': text,
      };
      const startTime = endTime - milliseconds;
      tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes, startTime }).end(endTime);
    },
  };
}
