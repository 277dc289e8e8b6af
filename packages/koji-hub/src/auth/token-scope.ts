import { ActionNotAllowed } from '@koji/core';
import type { Method } from '@koji/core/api';

/** Methods that open, change or end logins and tokens, which a token could use to escape its limits. */
const needSession: ReadonlySet<string> = new Set([
  ...['login', 'sslLogin', 'logout', 'logoutChild', 'subsession', 'exclusiveSession', 'sharedSession'],
  ...['createToken', 'revokeToken'],
]);

/** Scope of a token; null means all methods and permissions of its user. */
export interface TokenLimits {
  /** Name given by its user. */
  readonly name: string;
  readonly readOnly: boolean;
  readonly methods: readonly string[] | null;
  readonly perms: readonly string[] | null;
}

/** Limits of a call with a token. */
export class TokenScope {
  private readonly methods: ReadonlySet<string> | null;

  constructor(private readonly limits: TokenLimits) {
    this.methods = limits.methods && new Set(limits.methods);
  }

  /**
   * Checks that a token allows a method. Methods that need no login and change nothing are always allowed.
   *
   * @throws ActionNotAllowed for a method outside the token's scope
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

  /** Returns the user's permissions that the token includes. A user with `admin` has all of them. */
  limit(held: Iterable<string>): string[] {
    const { perms } = this.limits;
    const own = new Set(held);
    return perms === null ? [...own] : perms.filter((perm) => own.has(perm) || own.has('admin'));
  }

  /** Returns the limits for calls that a plugin makes during an allowed method. */
  forPlugin(): TokenScope {
    return this.methods ? new TokenScope({ ...this.limits, methods: null }) : this;
  }
}

function refused(name: string, why: string): ActionNotAllowed {
  return new ActionNotAllowed(`token '${name}' does not allow this call: ${why}`);
}
