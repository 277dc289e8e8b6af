/** Kerberos logins at the hub itself, by tokens of SPNEGO as mod_auth_gssapi takes them. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { ConfigError, loadKerberos, messageOf } from '@koji/core';
import type { Kerberos, Logger } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { folderOf } from '../config.js';

/** The service whose keys of any host in the keytab count; keys of other services do not. */
const service = 'HTTP';

/** A client that proved who it is. */
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
   * Makes ready to take tokens; null when option GSSAPIKeytab is unset.
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
    // The library reads it from here, and has no other way.
    process.env.KRB5_KTNAME = `FILE:${keytab}`;
    return new Gssapi(kerberos, log);
  }

  /** Returns who sent a token; null for one that proves nothing, such as one that was used before. */
  async accept(token: string): Promise<Accepted | null> {
    try {
      const side = await this.kerberos.initializeServer(service);
      await side.step(token);
      if (!side.contextComplete || !side.username) return null;
      return { principal: side.username, answer: side.response || null };
    } catch (error) {
      this.log.info(`a token of a client was refused: ${messageOf(error)}`);
      return null;
    }
  }
}
