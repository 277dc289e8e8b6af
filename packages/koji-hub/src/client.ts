import type { Identity } from './auth/identity.js';

/** The machine that a request came from. */
export interface Client {
  /** Its own address, or the one that a trusted proxy named. */
  readonly address: string;
  /** Returns the identity from the transport; absent if there is none, as for the hub's own work. */
  readonly identity?: () => Identity;
  /** Returns whether it went away, so that nobody will read the answer. */
  gone(): boolean;
}

/** Ends the work for a client that went away. */
export class ClientGone extends Error {
  override name = 'ClientGone';

  constructor() {
    super('the client went away');
  }
}
