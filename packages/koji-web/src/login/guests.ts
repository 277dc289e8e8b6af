/** Visitors of requests: their browser ids and logins. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { IncomingMessage } from 'node:http';
import { peerAddress } from '@koji/core';
import { dropId, keyOf, newId, readId, sendId, tokenOf } from './cookie.js';
import type { Credentials, Login, LoginOptions, Visitor } from './logins.js';

/** Shared by the handlers of requests. */
export interface WebEnv {
  /** Requests come from node's server. */
  Bindings: HttpBindings;
  Variables: {
    /** The Content Security Policy of an answer that is not one of our pages. */
    policy: string | undefined;
  };
}

/** A visitor, logged in or not. */
export interface Guest {
  readonly visitor: Visitor;
  /** The id of the browser; null when it sent none. */
  readonly id: string | null;
  readonly login: Login | null;
  /** The token for this visitor's forms; null for a browser without an id. */
  readonly token: string | null;
}

/** Sources of a visitor's identity. */
interface GuestOptions {
  readonly login: LoginOptions;
  /** The path of the page, which cookies are for. */
  readonly path: string;
  /** Returns the address of who asks. */
  readonly address: (request: IncomingMessage) => string;
}

/** Logs visitors in and out and recognises them. */
export class Guests {
  constructor(private readonly options: GuestOptions) {}

  /** The path that cookies are for. */
  get path(): string {
    return this.options.path;
  }

  /** Returns who a request is from. */
  async find(c: Context<WebEnv>): Promise<Guest> {
    const visitor = this.visitorOf(c.env);
    const id = readId(c);
    const found = id === null ? null : await this.options.login.logins.find(keyOf(id), visitor);
    const named = this.userOfProxy(c.env);
    // Another person uses the browser now.
    const login = named !== null && found?.user.name !== named ? null : found;
    return { visitor, id, login, token: id === null ? null : tokenOf(id) };
  }

  /** Returns the token for a form of a visitor; a browser without an id gets one. */
  tokenFor(c: Context, guest: Guest): string {
    if (guest.id !== null) return tokenOf(guest.id);
    const id = newId();
    sendId(c, id, { path: this.options.path });
    return tokenOf(id);
  }

  /** Returns the user that a trusted proxy names in a request; null if none does. */
  userOfProxy({ incoming }: HttpBindings): string | null {
    const { proxy } = this.options.login;
    if (proxy === null || !proxy.addresses.includes(peerAddress(incoming))) return null;
    const given = incoming.headersDistinct[proxy.header.toLowerCase()] ?? [];
    // One of several values may come from the client.
    const [user = ''] = given;
    return given.length === 1 && user !== '' ? user : null;
  }

  /**
   * Opens a session under a new id, and ends the session of the browser's previous id.
   *
   * @throws AuthError, ServerOffline
   */
  async logIn(c: Context<WebEnv>, { visitor, id: before }: Guest, credentials: Credentials): Promise<void> {
    const { logins, lifetime } = this.options.login;
    const id = newId();
    await logins.open(keyOf(id), credentials, visitor);
    if (before !== null) await logins.close(keyOf(before), visitor);
    sendId(c, id, { path: this.options.path, seconds: lifetime * 3600 });
  }

  /** Ends the session of a visitor. */
  async logOut(c: Context<WebEnv>, { visitor, id }: Guest): Promise<void> {
    if (id !== null) await this.options.login.logins.close(keyOf(id), visitor);
    dropId(c, this.options.path);
  }

  private visitorOf({ incoming, outgoing }: HttpBindings): Visitor {
    return { address: this.options.address(incoming), gone: () => outgoing.destroyed };
  }
}
