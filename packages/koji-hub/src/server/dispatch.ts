/**
 * The way of a call: declaration and handler, session, lockout, arguments and permission, transaction, answer, commit,
 * what is due after it. A read is answered while its snapshot is read, a write once it is committed; its answer is encoded
 * before that, so that one that can't be written rolls back. What a client does not read yet is kept aside.
 */
import { GenericError } from '@koji/core';
import type { Logger } from '@koji/core';
import { api } from '@koji/core/api';
import type { Access, UploadResult } from '@koji/core/api';
import { decodeArgs, encodeResponse } from '@koji/core/wire';
import { CallerSession } from '../auth/sessions.js';
import type { SessionTimes } from '../auth/session-times.js';
import type { Hub, ServedMethod } from '../call.js';
import { ClientGone } from '../client.js';
import { ownCaller } from '../own-calls.js';
import { accessOf, multiCallNames } from './access.js';
import { Answer } from './answer.js';
import type { AnswerLimits } from './answer.js';
import { BodyError } from './body.js';
import type { CallEnd } from '../metrics/metrics.js';
import { describeCall } from './call-fields.js';
import { borderFault } from './faults.js';
import { xmlForm } from './forms.js';
import type { Form } from './forms.js';
import { checkLockOut } from './lock-out.js';
import { MemoryWatch } from './memory-watch.js';
import { multiCall } from './multicall.js';
import { NoSuchMethod } from './no-such-method.js';
import { runMethod } from './run-method.js';
import type { RunningCall } from './running-call.js';
import { roomOf } from './spool.js';
import { Transactions } from './transactions.js';
import type { Caller } from './transactions.js';

/** Where an answer goes. */
export interface Reply {
  /** Whether something is on its way, so that a fault can't take its place any more. */
  readonly begun: boolean;
  /** Whether nobody reads it any more. */
  readonly gone: boolean;
  /** Begins to send an answer, which may still be made. It is closed when it is sent, or its client is gone. */
  send(answer: Answer): void;
  sendText(text: string): void;
  /** Ends the connection. */
  abort(): void;
}

/** A call as it came in. */
export interface IncomingCall {
  readonly method: string;
  readonly params: readonly unknown[];
  /** How it is answered. */
  readonly form: Form;
}

/** An answer that is to be made. */
interface Making {
  /** Null for a multicall. */
  readonly served: ServedMethod | null;
  readonly params: readonly unknown[];
  readonly form: Form;
  readonly answer: Answer;
  readonly reply: Reply;
  /** Whether a long answer may go before it is whole, since nothing can take it back. */
  readonly early?: boolean;
}

/** How a call ended, and the class of what was thrown. */
interface Ended {
  readonly end: CallEnd;
  readonly cause?: string;
}

function endOf(error: unknown): Ended {
  const cause = error instanceof Error ? error.constructor.name : typeof error;
  return { end: error instanceof GenericError ? 'fault' : 'error', cause };
}

const upload = 'raw upload';
/** Names of metrics that are not methods that a plugin could replace. */
const otherNames: ReadonlySet<string> = new Set([...multiCallNames, upload]);

/** Answers calls and uploads; one for each hub process. */
export class Dispatcher {
  private readonly log: Logger;
  private readonly transactions: Transactions;
  private readonly answers: AnswerLimits;
  private readonly memory: MemoryWatch;

  constructor(
    private readonly hub: Hub,
    times: SessionTimes,
  ) {
    this.log = hub.logger('koji.xmlrpc');
    this.memory = new MemoryWatch(hub.options.MemoryWarnThreshold, this.log);
    this.transactions = new Transactions(hub, times);
    this.answers = { room: roomOf(hub.options), longest: hub.options.MaxAnswerLength };
  }

  /** Answers one call: with its result, or with the fault that anything thrown on the way becomes. */
  async call(incoming: IncomingCall, caller: Caller, reply: Reply): Promise<void> {
    const { method } = incoming;
    const answered = (): Promise<Ended> => this.answer(incoming, caller, reply);
    await describeCall(method, caller, () => this.watched(method, caller, answered));
  }

  private async answer(incoming: IncomingCall, caller: Caller, reply: Reply): Promise<Ended> {
    const { method, params, form } = incoming;
    try {
      await this.memory.during(method, params, () => this.run(incoming, caller, reply));
      return { end: 'ok' };
    } catch (error) {
      if (error instanceof ClientGone || reply.gone) return { end: 'gone' };
      const text = this.faultText(error, method, form);
      if (reply.begun) reply.abort();
      else reply.sendText(text);
      return endOf(error);
    }
  }

  /** Counts a call, and makes it a span. */
  private async watched(method: string, caller: Caller, work: () => Promise<Ended>): Promise<void> {
    const { metrics, tracer, methods } = this.hub;
    const began = performance.now();
    // Names that anybody makes up are one.
    const name = methods.has(method) || otherNames.has(method) ? method : 'unknown';
    const end = await tracer.during(name, caller.headers ?? {}, async (span) => {
      span.set({ 'koji.request_id': caller.requestId ?? '' });
      const ended = await work();
      if (ended.cause !== undefined) span.fail(ended.cause);
      return ended.end;
    });
    metrics.call(name, end, (performance.now() - began) / 1000);
  }

  /**
   * Answers a raw upload; `receive` writes the body to its place once the session is known.
   *
   * @throws BodyError if the body could not be read
   */
  async upload(caller: Caller, receive: (call: RunningCall) => Promise<UploadResult>): Promise<string> {
    const method = upload;
    let text = '';
    const received = async (): Promise<Ended> => {
      try {
        const session = await this.transactions.sessionOf({ method: null, caller });
        this.checkLockOut(null, session);
        session.scope?.check('uploadFile', api.uploadFile);
        text = encodeResponse(await this.transactions.without({ method, caller, session }, receive));
        return { end: 'ok' };
      } catch (error) {
        if (error instanceof BodyError) throw error;
        text = this.faultText(error, method, xmlForm);
        return endOf(error);
      }
    };
    await describeCall(method, caller, () => this.watched(method, caller, received));
    return text;
  }

  /** Runs work of the hub itself in a transaction, as nobody. */
  runOwn<T>(method: string, work: (call: RunningCall) => Promise<T>, signal: AbortSignal): Promise<T> {
    const session = new CallerSession('-', 'the hub itself');
    return this.transactions.write({ method, caller: ownCaller(signal), session }, work);
  }

  private async run({ method, params, form }: IncomingCall, caller: Caller, reply: Reply): Promise<void> {
    const served = multiCallNames.has(method) ? null : this.find(method);
    const anonymous = 'anonymous' in caller.credentials();
    const access = await accessOf(method, params, { methods: this.hub.methods, anonymous });
    const answer = new Answer(this.answers, { parts: served === null });
    try {
      const making: Making = { served, params, form, answer, reply };
      await this.inside(access, { method, caller }, making);
      answer.end();
    } catch (error) {
      await answer.close();
      throw error;
    }
    if (!reply.begun) reply.send(answer);
  }

  /** Makes an answer within what its method needs of the database; nothing in there waits for the client. */
  private async inside(
    access: Access,
    request: { readonly method: string; readonly caller: Caller },
    making: Making,
  ): Promise<void> {
    const { transactions } = this;
    if (access === 'read' || access === 'lookup')
      return transactions.read(
        { ...request, long: access === 'read', snapshot: access === 'read' },
        (session) => this.checkLockOut(request.method, session),
        (call) => this.make({ ...making, early: true }, call),
      );
    const session = await transactions.sessionOf(request);
    this.checkLockOut(request.method, session);
    const work = (call: RunningCall): Promise<void> => this.make(making, call);
    const checked = { ...request, session };
    return access === 'write' ? transactions.write(checked, work) : transactions.without(checked, work);
  }

  private async make(
    { served, params, form, answer, reply, early }: Making,
    call: RunningCall,
  ): Promise<void> {
    if (early && reply.gone) throw new ClientGone();
    const { args, keywords } = decodeArgs(params);
    if (served) {
      const value = await runMethod(served, { args, keywords }, call);
      return answer.putAll(form.answer(value), early ? () => reply.send(answer) : undefined);
    }
    const [start, end] = form.frame;
    await answer.put(start);
    const checkLockOut = this.checkLockOut.bind(this);
    await multiCall(call, { args, keywords }, { answer, checkLockOut, form: form.parts });
    await answer.put(end);
  }

  private find(method: string): ServedMethod {
    const served = this.hub.methods.get(method);
    if (!served) throw new NoSuchMethod(method);
    return served;
  }

  private checkLockOut(method: string | null, session: CallerSession): void {
    checkLockOut(this.hub.options, method, session);
  }

  /** Returns the fault for an error. An error that is not a fault of Koji is a bug, and is logged with its stack. */
  private faultText(error: unknown, method: string, form: Form): string {
    const fault = borderFault(error, this.hub.options);
    const line = `${method}: fault ${fault.faultCode}: ${fault.summary}`;
    if (error instanceof GenericError) this.log.debug(line, error);
    else this.log.error(line, error);
    return form.fault(fault, error);
  }
}
