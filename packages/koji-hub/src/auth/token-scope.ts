import { ActionNotAllowed } from '@koji/core';
import type { Method } from '@koji/core/api';

/** Methods that open, change or end a login, and those that make and end tokens: a token must not get around its limits. */
const needSession: ReadonlySet<string> = new Set([
  ...['login', 'sslLogin', 'logout', 'logoutChild', 'subsession', 'exclusiveSession', 'sharedSession'],
  ...['createToken', 'revokeToken'],
]);

/** Scope of a token; null means everything that its user may call and do. */
export interface TokenLimits {
  /** Name given by its user. */
  readonly name: string;
  readonly readOnly: boolean;
  readonly methods: readonly string[] | null;
  readonly perms: readonly string[] | null;
}

/** The limits of a call that carries a token. */
export class TokenScope {
  private readonly methods: ReadonlySet<string> | null;

  constructor(private readonly limits: TokenLimits) {
    this.methods = limits.methods && new Set(limits.methods);
  }

  /**
   * Lets through what anybody may call without a login and changes nothing, whatever the token's methods are.
   *
   * @throws ActionNotAllowed for a method that the token is not for
   */
  check(method: string, { access, needs, readsOnly = false }: Method): void {
    const { name, readOnly } = this.limits;
    if (needSession.has(method)) throw refused(name, `${method} needs a login with a session`);
    const changes = access === 'write' || (access === 'none' && !readsOnly);
    if (needs === 'none' && !changes) return;
    if (this.methods && !this.methods.has(method)) throw refused(name, `${method} is not among its methods`);
    if (readOnly && changes)
      throw refused(name, `${method} may change something, and the token is read-only`);
  }

  /** Returns those of the user's permissions that the token has. A holder of `admin` may do what each of them allows. */
  limit(held: Iterable<string>): string[] {
    const { perms } = this.limits;
    const own = new Set(held);
    return perms === null ? [...own] : perms.filter((perm) => own.has(perm) || own.has('admin'));
  }

  /** Returns the limits for what a plugin calls in the course of a method that the token is for. */
  forPlugin(): TokenScope {
    return this.methods ? new TokenScope({ ...this.limits, methods: null }) : this;
  }
}

function refused(name: string, why: string): ActionNotAllowed {
  return new ActionNotAllowed(`token '${name}' does not allow this call: ${why}`);
}
