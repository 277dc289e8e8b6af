/**
 * The way of a call: declaration and handler, session, lockout, arguments and permission, transaction, answer, commit,
 * what is due after it. A read answers out of its snapshot; a write's answer is encoded before the commit, so that one
 * that can't be written rolls back.
 */
import { GenericError, ServerOffline } from '@koji/core';
import type { Logger } from '@koji/core';
import type { UploadResult } from '@koji/core/api';
import { decodeArgs, encodeFault, encodeResponse, encodeResponseStream } from '@koji/core/wire';
import { CallerSession } from '../auth/sessions.js';
import type { SessionTimes } from '../auth/session-times.js';
import type { Hub, ServedMethod } from '../call.js';
import { BodyError } from './body.js';
import { borderFault } from './faults.js';
import { multiCall, multiCallAccess, multiCallNames } from './multicall.js';
import { serve } from './running-call.js';
import type { RunningCall } from './running-call.js';
import { Transactions } from './transactions.js';
import type { Caller } from './transactions.js';

/** Where an answer goes. */
export interface Reply {
  /** Whether something is on its way, so that a fault can't take its place any more. */
  readonly begun: boolean;
  /** Sends an answer; resolves once every chunk was taken, so that a snapshot it is read from may end. */
  send(chunks: AsyncIterable<string> | Iterable<string>): Promise<void>;
}

/** Answers calls and uploads; one for each hub process. */
export class Dispatcher {
  private readonly log: Logger;
  private readonly transactions: Transactions;

  constructor(
    private readonly hub: Hub,
    times: SessionTimes,
  ) {
    this.log = hub.logger('koji.xmlrpc');
    this.transactions = new Transactions(hub, times);
  }

  /** Answers one call: with its result, or with the fault that anything thrown on the way becomes. */
  async call(method: string, params: readonly unknown[], caller: Caller, reply: Reply): Promise<void> {
    try {
      await this.run(method, params, caller, reply);
    } catch (error) {
      if (reply.begun) throw error;
      await reply.send([this.faultText(error, method)]);
    }
  }

  /**
   * Answers a raw upload; `receive` writes the body to its place once the session is known.
   *
   * @throws BodyError when the body could not be read
   */
  async upload(caller: Caller, receive: (call: RunningCall) => Promise<UploadResult>): Promise<string> {
    const method = 'raw upload';
    try {
      const session = await this.transactions.openSession({ method: null, caller });
      this.checkLockOut(null, session);
      return encodeResponse(await this.transactions.without({ method, caller, session }, receive));
    } catch (error) {
      if (error instanceof BodyError) throw error;
      return this.faultText(error, method);
    }
  }

  /** Runs work of the hub itself in a transaction, as nobody. */
  runOwn<T>(method: string, work: (call: RunningCall) => Promise<T>, signal: AbortSignal): Promise<T> {
    const caller: Caller = { credentials: () => ({ anonymous: '' }), address: '-', signal: () => signal };
    const session = new CallerSession('-', 'the hub itself');
    return this.transactions.write({ method, caller, session }, work);
  }

  private async run(method: string, params: readonly unknown[], caller: Caller, reply: Reply): Promise<void> {
    const served = multiCallNames.has(method) ? null : this.find(method);
    const access = served ? served.declared.access : multiCallAccess(params, this.hub.methods);
    const answer = (call: RunningCall): Promise<unknown> => this.answer(served, params, call);
    const { transactions } = this;
    if (access === 'read')
      return transactions.read(
        { method, caller },
        (session) => this.checkLockOut(method, session),
        async (call) => reply.send(encodeResponseStream(await answer(call))),
      );
    const session = await transactions.openSession({ method, caller });
    this.checkLockOut(method, session);
    const encoded = async (call: RunningCall): Promise<string[]> => collect(await answer(call));
    const checked = { method, caller, session };
    return reply.send(
      access === 'write'
        ? await transactions.write(checked, encoded)
        : await transactions.without(checked, encoded),
    );
  }

  private async answer(
    served: ServedMethod | null,
    params: readonly unknown[],
    call: RunningCall,
  ): Promise<unknown> {
    const { args, keywords } = decodeArgs(params);
    if (!served)
      return multiCall(call, args, keywords, (method, session) => this.checkLockOut(method, session));
    return serve(served, { args, keywords }, call);
  }

  private find(method: string): ServedMethod {
    const served = this.hub.methods.get(method);
    if (!served) throw new GenericError(`Invalid method: ${method}`);
    return served;
  }

  private checkLockOut(method: string | null, session: CallerSession): void {
    if (!this.hub.options.LockOut || session.hasPerm('admin')) return;
    if (method === 'login' || method === 'sslLogin' || method === 'logout') return;
    throw new ServerOffline('Server disabled for maintenance');
  }

  /** The fault that an error is answered with; what is no fault of Koji's is a bug, and logged with its stack. */
  private faultText(error: unknown, method: string): string {
    const { faultCode, faultString } = borderFault(error, this.hub.options);
    const line = `${method}: fault ${faultCode}: ${faultString}`;
    if (error instanceof GenericError) this.log.debug(line, error);
    else this.log.error(line, error);
    return encodeFault(faultCode, faultString);
  }
}

async function collect(value: unknown): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of encodeResponseStream(value)) chunks.push(chunk);
  return chunks;
}
