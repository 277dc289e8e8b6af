import { createHash } from 'node:crypto';
import { AuthError, FailedLogins, ServerOffline, networkOf } from '@koji/core';
import type { Logger } from '@koji/core';
import type { HubOptions } from '@koji/core/config';
import { ClientGone } from '../client.js';
import type { Client } from '../client.js';

const tooManyOfAddress = 'too many failed logins from this address';

/** The options that limit logins. */
export type LoginLimits = Pick<
  HubOptions,
  'PasswordChecks' | 'MaxWaitingLogins' | 'FailedLogins' | 'FailedLoginsPerAddress' | 'FailedLoginPause'
>;

/** A login with a password, or with a token. */
export interface LoginAttempt {
  /** Null if only the check identifies the user. */
  readonly user: string | null;
  readonly client: Client;
}

/** Limits concurrent password checks and wrong passwords. */
export class LoginGuard {
  private readonly turns: FairTurns;
  private readonly pairs: FailedLogins;
  private readonly addresses: FailedLogins;

  constructor(
    limits: LoginLimits,
    private readonly log: Logger,
    now: () => number = Date.now,
  ) {
    const pause = limits.FailedLoginPause * 1000;
    this.turns = new FairTurns(Math.max(limits.PasswordChecks, 1), limits.MaxWaitingLogins);
    this.pairs = new FailedLogins(limits.FailedLogins, pause, now);
    this.addresses = new FailedLogins(limits.FailedLoginsPerAddress, pause, now);
  }

  /**
   * Runs the check of a password in its turn and returns the result; null is a failure. Users that do not
   * exist count like others. A failure counts only for its address, so that nobody can lock out a user at another address.
   *
   * @throws AuthError after too many failures; ServerOffline if too many logins wait; ClientGone
   */
  async check<T>(attempt: LoginAttempt, check: () => Promise<T | null>): Promise<T | null> {
    const address = networkOf(attempt.client.address);
    const pair = attempt.user === null ? null : pairOf(attempt.user, address);
    const refuse = (): void => {
      if (pair !== null) this.pairs.check(pair, 'too many failed logins of this user');
      this.addresses.check(address, tooManyOfAddress);
    };
    refuse();
    return this.turns.take(address, attempt.client, async () => {
      // Logins that waited together with this one may have failed meanwhile.
      refuse();
      const found = await check();
      if (found !== null) {
        if (pair !== null) this.pairs.forget(pair);
      } else {
        if (pair !== null && this.pairs.add(pair))
          this.log.warn(`too many failed logins of ${JSON.stringify(attempt.user)} from ${address}`);
        this.countOf(address);
      }
      return found;
    });
  }

  /**
   * Refuses an unknown token, which counts as a failed login of its address. Valid tokens of the address are still accepted,
   * because nobody can guess one.
   *
   * @throws AuthError
   */
  refuseToken(client: Client): never {
    const address = networkOf(client.address);
    this.addresses.check(address, tooManyOfAddress);
    this.countOf(address);
    throw new AuthError('the token is not valid: this hub has no such token');
  }

  private countOf(address: string): void {
    if (this.addresses.add(address)) this.log.warn(`too many failed logins from ${address}`);
  }
}

function pairOf(user: string, address: string): string {
  return createHash('sha256').update(`${user}\0${address}`).digest('base64');
}

interface Waiter {
  readonly client: Client;
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

/** Runs a few checks at a time. Addresses take turns, so that an address with many logins delays mostly its own. */
class FairTurns {
  private running = 0;
  private waiting = 0;
  private readonly queues = new Map<string, Waiter[]>();

  constructor(
    private readonly most: number,
    private readonly mostWaiting: number,
  ) {}

  async take<T>(address: string, client: Client, work: () => Promise<T>): Promise<T> {
    if (this.running >= this.most) await this.wait(address, client);
    else this.running += 1;
    try {
      if (client.gone()) throw new ClientGone();
      return await work();
    } finally {
      // The next caller takes over this place.
      if (!this.startNext()) this.running -= 1;
    }
  }

  private wait(address: string, client: Client): Promise<void> {
    if (this.waiting >= this.mostWaiting) this.dropGone();
    if (this.waiting >= this.mostWaiting) this.dropLongest(address);
    return new Promise((resolve, reject) => {
      const queue = this.queues.get(address) ?? [];
      queue.push({ client, go: resolve, fail: reject });
      this.queues.set(address, queue);
      this.waiting += 1;
    });
  }

  private startNext(): boolean {
    const [first] = this.queues;
    const next = first?.[1].shift();
    if (!first || !next) return false;
    const [address, queue] = first;
    this.queues.delete(address);
    if (queue.length > 0) this.queues.set(address, queue);
    this.waiting -= 1;
    next.go();
    return true;
  }

  private dropGone(): void {
    for (const [address, queue] of [...this.queues]) {
      const left = queue.filter(({ client, fail }) => {
        if (client.gone()) fail(new ClientGone());
        return !client.gone();
      });
      this.waiting -= queue.length - left.length;
      if (left.length > 0) this.queues.set(address, left);
      else this.queues.delete(address);
    }
  }

  /** Makes room for a login by removing the newest login of the address with the most, which may be the new login itself. */
  private dropLongest(address: string): void {
    const busy = new ServerOffline('too many logins at once: try again in a moment');
    const own = this.queues.get(address)?.length ?? 0;
    const [longest] = [...this.queues].sort(([, a], [, b]) => b.length - a.length);
    if (!longest || longest[1].length <= own + 1) throw busy;
    longest[1].pop()?.fail(busy);
    this.waiting -= 1;
  }
}
