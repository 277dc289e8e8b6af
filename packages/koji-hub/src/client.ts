/** The machine that a request came from. */
export interface Client {
  /** Its own address, or the one that a trusted proxy named. */
  readonly address: string;
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
