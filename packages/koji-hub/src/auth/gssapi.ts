/** Kerberos logins at the hub itself, with SPNEGO tokens as in mod_auth_gssapi. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { ConfigError, loadKerberos, messageOf } from '@koji/core';
import type { Kerberos, Logger } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { folderOf } from '../config.js';

/** The service whose keys are used, for any host in the keytab; keys of other services are ignored. */
const service = 'HTTP';

/** An authenticated client. */
export interface Accepted {
  readonly principal: string;
  /** The token that authenticates the hub to the client. */
  readonly answer: string | null;
}

/** Checks the tokens of clients. */
export class Gssapi {
  private constructor(
    private readonly kerberos: Kerberos,
    private readonly log: Logger,
  ) {}

  /**
   * Prepares the check of tokens; returns null if option GSSAPIKeytab is unset.
   *
   * @throws ConfigError
   */
  static open(config: HubConfig, log: Logger): Gssapi | null {
    const { GSSAPIKeytab: given } = config.options;
    if (given === null) return null;
    const keytab = path.resolve(folderOf(config), given);
    try {
      accessSync(keytab, constants.R_OK);
    } catch (cause) {
      const where = `${config.file} [hub] GSSAPIKeytab = '${given}'`;
      throw new ConfigError(`${where}: cannot be read: ${messageOf(cause)}`, { cause });
    }
    const kerberos = loadKerberos(folderOf(config));
    // The library has no other way to learn the file.
    process.env.KRB5_KTNAME = `FILE:${keytab}`;
    return new Gssapi(kerberos, log);
  }

  /** Returns the sender of a token; null for an invalid token, such as a replayed one. */
  async accept(token: string): Promise<Accepted | null> {
    try {
      const side = await this.kerberos.initializeServer(service);
      await side.step(token);
      if (!side.contextComplete || !side.username) return null;
      return { principal: side.username, answer: side.response || null };
    } catch (error) {
      this.log.info(`a client's token was refused: ${messageOf(error)}`);
      return null;
    }
  }
}
