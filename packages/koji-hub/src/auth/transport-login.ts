/** Logins with an identity from the transport: a certificate or a Kerberos principal. */
import { AuthError, USERTYPES } from '@koji/core';
import type { SessionKey } from '@koji/core/api';
import type { Call } from '../call.js';
import { sql } from '../db/sql.js';
import { UniqueViolation } from '../db/errors.js';
import { addPrincipal, checkRealm, createUser } from '../domain/users/users.js';
import { checkPrincipal, checkUserName } from '../domain/values/names.js';
import { componentOf, parseConfiguredSubject, sameSubject, subjectText } from './distinguished-names.js';
import { unknownIdentity } from './identity.js';
import type { Identity } from './identity.js';
import { authTypes, callerOf, checkMayLogIn, openOrRenew } from './login.js';

interface SslLoginArgs {
  readonly proxyuser: string | null;
  readonly proxyauthtype: number | null;
  readonly renew: unknown;
  readonly exclusive: unknown;
}

/** The user to log in: a user's name, or a principal if it has a realm and the type is GSSAPI. */
interface Named {
  readonly name: string;
  readonly authtype: number;
}

/** Logs in with an identity that the transport established; the session of the call must not be live. */
export async function sslLogin(call: Call, args: SslLoginArgs): Promise<SessionKey | null> {
  if (call.session.loggedIn) throw new AuthError('Already logged in');
  const identity = call.client.identity?.() ?? unknownIdentity;
  const named = proxied(call, args, { identity, own: nameOf(call, identity) });
  const hostip = call.hub.options.CheckClientIP ? callerOf(call).address : '-';
  const { renew, exclusive } = args;
  const open = (): Promise<SessionKey | null> =>
    call.write(async (writing) => {
      const userId = await findOrCreate(writing, named);
      return openOrRenew(writing, { userId, hostip, authtype: named.authtype, renew, exclusive });
    });
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    // Another first login of the same user was faster.
    return open();
  }
}

function nameOf(call: Call, identity: Identity): Named {
  if (identity.kind === 'none') throw new AuthError(`could not verify client: ${identity.why}`);
  if (identity.kind === 'principal') {
    checkForm(identity.principal);
    return { name: identity.principal, authtype: authTypes.GSSAPI };
  }
  const { DNUsernameComponent: component } = call.hub.options;
  const name = componentOf(identity.subject, component);
  if (name === null)
    throw new AuthError(`unable to get user information (${component}) from client certificate`);
  return { name, authtype: authTypes.SSL };
}

/** A name such as `a\@ROOT@OTHER` has an escaped `@` within, so the text after the first one is not a realm. */
function checkForm(principal: string): void {
  const isPlain = /^[^\s\\@]+(@[^\s\\@]+)?$/u.test(principal) && !principal.endsWith('@WELLKNOWN:ANONYMOUS');
  if (!isPlain) throw new AuthError(`invalid Kerberos principal: ${principal}`);
}

/** Returns the user to log in: the caller, or the user that a caller of ProxyPrincipals or ProxyDNs names. */
function proxied(
  call: Call,
  { proxyuser, proxyauthtype }: SslLoginArgs,
  { identity, own }: { readonly identity: Identity; readonly own: Named },
): Named {
  if (!proxyuser) return own;
  const { AllowProxyAuthType } = call.hub.options;
  if (!mayLogInOthers(call, identity)) {
    const shown = identity.kind === 'certificate' ? subjectText(identity.subject) : own.name;
    throw new AuthError(`${shown} is not authorized to login other users`);
  }
  if (proxyauthtype === null) return { name: proxyuser, authtype: own.authtype };
  if (!AllowProxyAuthType && proxyauthtype !== own.authtype)
    throw new AuthError(
      'Proxy must use same auth mechanism as hub (behaviour can be overriden via AllowProxyAuthType hub option)',
    );
  if (proxyauthtype !== authTypes.GSSAPI && proxyauthtype !== authTypes.SSL)
    throw new AuthError(`Proxied authtype ${proxyauthtype} is not valid for sslLogin`);
  return { name: proxyuser, authtype: proxyauthtype };
}

function mayLogInOthers(call: Call, identity: Identity): boolean {
  const { ProxyDNs, ProxyPrincipals } = call.hub.options;
  const listed = (text: string, separator: string): string[] =>
    text
      .split(separator)
      .map((one) => one.trim())
      .filter(Boolean);
  if (identity.kind === 'principal') return listed(ProxyPrincipals, ',').includes(identity.principal);
  if (identity.kind === 'none') return false;
  return listed(ProxyDNs, '|').some((text) => {
    const subject = parseConfiguredSubject(text);
    return subject !== null && sameSubject(subject, identity.subject);
  });
}

interface UserRow {
  readonly id: number;
  readonly name: string;
  readonly status: number;
  readonly usertype: number;
}

async function findOrCreate(call: Call, { name, authtype }: Named): Promise<number> {
  const isPrincipal = authtype === authTypes.GSSAPI && name.includes('@');
  if (isPrincipal) {
    checkForm(name);
    checkRealm(call, name);
  }
  const condition = isPrincipal
    ? sql`id IN (SELECT user_id FROM user_krb_principals WHERE krb_principal = ${name})`
    : sql`name = ${name}`;
  const found = await call.db.get<UserRow>(
    sql`SELECT id, name, status, usertype FROM users WHERE ${condition}`,
  );
  if (found) return allowed(found);
  if (!call.hub.options.LoginCreatesUser) throw new AuthError(`Unknown user: ${name}`);
  if (isPrincipal) return createFromPrincipal(call, name);
  checkUserName(call, name);
  return createUser(call, { name });
}

/** Creates a user named like the principal without its realm, or adds the principal to the user of this name. */
async function createFromPrincipal(call: Call, principal: string): Promise<number> {
  const name = principal.slice(0, principal.indexOf('@'));
  checkUserName(call, name);
  checkPrincipal(call, principal);
  const found = await call.db.get<UserRow>(
    sql`SELECT id, name, status, usertype FROM users WHERE name = ${name}`,
  );
  if (!found) return createUser(call, { name, principal });
  const id = allowed(found);
  await addPrincipal(call, id, principal);
  return id;
}

function allowed(user: UserRow): number {
  checkMayLogIn(user);
  if (user.usertype === USERTYPES.GROUP) throw new AuthError(`logins by ${user.name} are not allowed`);
  return user.id;
}
