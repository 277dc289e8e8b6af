/** The hub's certificates: read, checked, and reread when their files change. */
import { X509Certificate, createHash, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type https from 'node:https';
import type { Socket } from 'node:net';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import { ConfigError, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { folderOf } from '../config.js';

const fileOptions = ['TLSCertificate', 'TLSKey', 'TLSChain', 'TLSClientCA', 'TLSClientCRL'] as const;
type FileOption = (typeof fileOptions)[number];
type Texts = Partial<Readonly<Record<FileOption, string>>>;

/** Milliseconds between checks of the files, for folders whose changes the system does not report, such as NFS. */
const lookInterval = 60_000;
/** Milliseconds without changes before files are read, because key and certificate are replaced one after the other. */
const quiet = 300;
/** Days before its expiry at which a certificate causes a warning. */
const soonDays = 14;
const day = 86_400_000;

const readError = Symbol('why a file could not be read');

/** Reads the files of the options. A problem has a line for each unreadable file. */
async function readTexts(config: HubConfig): Promise<{ texts: Texts; problems: string[] }> {
  const texts: Partial<Record<FileOption, string>> = {};
  const problems: string[] = [];
  for (const name of fileOptions) {
    const file = fileOf(config, name);
    if (file === null) continue;
    const text = await readFile(file, 'utf8').catch((error: unknown) => ({ [readError]: messageOf(error) }));
    if (typeof text === 'string') texts[name] = text;
    else problems.push(`${said(config, name)}: cannot be read: ${text[readError]}`);
  }
  return { texts, problems };
}

function fileOf(config: HubConfig, name: FileOption): string | null {
  const value = config.options[name];
  return value === null ? null : path.resolve(folderOf(config), value);
}

function said({ options, file }: HubConfig, name: FileOption): string {
  return `${file} [hub] ${name} = '${options[name] ?? ''}'`;
}

function certificatesIn(text: string): X509Certificate[] {
  const blocks = text.match(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g,
  );
  return (blocks ?? []).map((block) => new X509Certificate(block));
}

/** Returns the problems with the files of the TLS options; empty if there are none. */
export async function tlsProblems(config: HubConfig): Promise<string[]> {
  const { texts, problems } = await readTexts(config);
  return [...problems, ...problemsOf(config, texts)];
}

function problemsOf(config: HubConfig, texts: Texts): string[] {
  const problems: string[] = [];
  const check = (name: FileOption, work: () => string | null): void => {
    try {
      const problem = work();
      if (problem !== null) problems.push(`${said(config, name)}: ${problem}`);
    } catch (error) {
      problems.push(`${said(config, name)}: ${messageOf(error)}`);
    }
  };
  const {
    TLSCertificate: certificate,
    TLSKey: keyText,
    TLSChain: chain,
    TLSClientCA: ca,
    TLSClientCRL: crl,
  } = texts;
  if (certificate !== undefined) check('TLSCertificate', () => certificateProblem(certificate));
  if (keyText !== undefined) check('TLSKey', () => keyProblem(keyText, certificate));
  if (chain !== undefined) check('TLSChain', () => (certificatesIn(chain).length > 0 ? null : noCertificate));
  if (ca !== undefined) check('TLSClientCA', () => authorityProblem(ca));
  if (crl !== undefined)
    check('TLSClientCRL', () => {
      createSecureContext({ crl });
      return /-----BEGIN X509 CRL-----/.test(crl) ? null : 'has no list of revoked certificates as PEM';
    });
  return problems;
}

const noCertificate = 'has no certificate as PEM';

function certificateProblem(text: string): string | null {
  const [own] = certificatesIn(text);
  if (!own) return noCertificate;
  if (own.ca) return 'begins with the certificate of an authority: put that of the hub first';
  if (Date.parse(own.validTo) < Date.now()) return `expired on ${own.validTo}: renew it`;
  if (Date.parse(own.validFrom) > Date.now()) return `is not valid before ${own.validFrom}`;
  return null;
}

function keyProblem(text: string, certificate: string | undefined): string | null {
  if (/ENCRYPTED/.test(text))
    return 'is encrypted, and the hub has nobody to ask for the password: write it without one by `openssl pkey`';
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    return `has no private key as PEM: ${messageOf(error)}`;
  }
  const [own] = certificate === undefined ? [] : certificatesIn(certificate);
  return own && !own.checkPrivateKey(key) ? 'is not the key of the certificate in TLSCertificate' : null;
}

function authorityProblem(text: string): string | null {
  const all = certificatesIn(text);
  if (all.length === 0) return noCertificate;
  const leaf = all.find((one) => !one.ca);
  if (leaf) return `has a certificate that is no authority's: ${leaf.subject.replaceAll('\n', ', ')}`;
  const old = all.find((one) => Date.parse(one.validTo) < Date.now());
  return old
    ? `has an authority that expired on ${old.validTo}: ${old.subject.replaceAll('\n', ', ')}`
    : null;
}

/** Returns lines about certificates that expire soon. */
export async function tlsWarnings(config: HubConfig): Promise<string[]> {
  const { texts } = await readTexts(config);
  return (['TLSCertificate', 'TLSChain', 'TLSClientCA'] as const).flatMap((name) => {
    try {
      return certificatesIn(texts[name] ?? '')
        .filter(({ validTo }) => Date.parse(validTo) < Date.now() + soonDays * day)
        .map(({ validTo }) => `${said(config, name)}: expires on ${validTo}`);
    } catch {
      return [];
    }
  });
}

/** The hub's side of TLS. */
export class Tls {
  private readonly watchers: FSWatcher[] = [];
  private readonly servers = new Set<https.Server>();
  /** The authority that verified each connection. */
  private readonly verifiedBy = new WeakMap<Socket, string>();
  private pause: NodeJS.Timeout | null = null;
  private readonly looks: NodeJS.Timeout;
  private reading: Promise<void> = Promise.resolve();
  private problem = '';

  private constructor(
    private readonly config: HubConfig,
    private texts: Texts,
    private readonly log: Logger,
  ) {
    this.looks = setInterval(() => this.reload(), lookInterval).unref();
    const files = fileOptions.flatMap((name) => fileOf(config, name) ?? []);
    const names = new Set(files.map((file) => path.basename(file)));
    // Watches folders, because files are replaced by new files of the same name.
    for (const folder of new Set(files.map((file) => path.dirname(file))))
      try {
        const watcher = watch(folder, { persistent: false }, (_, name) => {
          // Kubernetes replaces a link of such a name instead of the files.
          if (name === null || names.has(name) || name.startsWith('..')) this.reloadSoon();
        });
        watcher.on('error', () => watcher.close());
        this.watchers.push(watcher);
      } catch (error) {
        log.debug(`changes in ${folder} are only seen every ${lookInterval / 1000} s: ${messageOf(error)}`);
      }
  }

  /**
   * Reads the files of the options; returns null if the hub runs without TLS.
   *
   * @throws ConfigError with all their problems
   */
  static async open(config: HubConfig, log: Logger): Promise<Tls | null> {
    if (config.options.TLSCertificate === null) return null;
    const { texts, problems } = await readTexts(config);
    problems.push(...problemsOf(config, texts));
    if (problems.length > 0) throw new ConfigError(problems.join('\n'));
    return new Tls(config, texts, log);
  }

  /** Options of a server. */
  serverOptions(): https.ServerOptions {
    const { HeaderTimeout, TLSClientCA } = this.config.options;
    return {
      ...this.contextOptions(),
      // Clients without a certificate may read or log in otherwise; sslLogin examines the result of the check.
      requestCert: TLSClientCA !== null,
      rejectUnauthorized: false,
      handshakeTimeout: HeaderTimeout * 1000,
    };
  }

  /** Passes new certificates to a server; existing connections keep the old ones. */
  follow(server: https.Server): void {
    this.servers.add(server);
    server.on('secureConnection', (socket: Socket) => this.verifiedBy.set(socket, this.authorities()));
    server.on('close', () => this.servers.delete(server));
  }

  /** Returns whether the current authorities verified a connection's client. */
  isCurrent(socket: Socket): boolean {
    return this.verifiedBy.get(socket) === this.authorities();
  }

  /** Rereads the files. If there is a problem, logs it and keeps the current certificates. */
  reload(): void {
    this.reading = this.reading
      .then(() => this.readAgain())
      .catch((error: unknown) => {
        this.log.error('could not reread the certificates', error);
      });
  }

  /** Stops watching the files. */
  async stop(): Promise<void> {
    clearInterval(this.looks);
    if (this.pause) clearTimeout(this.pause);
    for (const watcher of this.watchers) watcher.close();
    await this.reading;
  }

  private reloadSoon(): void {
    if (this.pause) clearTimeout(this.pause);
    this.pause = setTimeout(() => this.reload(), quiet).unref();
  }

  private async readAgain(): Promise<void> {
    const { texts, problems } = await readTexts(this.config);
    if (fileOptions.every((name) => texts[name] === this.texts[name])) return;
    problems.push(...problemsOf(this.config, texts));
    const problem = problems.join('\n');
    if (problem !== '') {
      // Logged once, not at every check.
      if (problem !== this.problem) this.log.error(`keeping the current certificates: ${problem}`);
      this.problem = problem;
      return;
    }
    this.problem = '';
    this.texts = texts;
    for (const server of this.servers) {
      server.setSecureContext(this.contextOptions());
      server.closeIdleConnections();
    }
    this.log.warn('the certificates changed: new connections use the new ones');
  }

  private contextOptions(): SecureContextOptions {
    const { TLSCertificate = '', TLSKey = '', TLSChain, TLSClientCA, TLSClientCRL } = this.texts;
    return {
      cert: TLSChain === undefined ? TLSCertificate : `${TLSCertificate.trimEnd()}\n${TLSChain}`,
      key: TLSKey,
      minVersion: 'TLSv1.2',
      ...(TLSClientCA === undefined ? {} : { ca: TLSClientCA }),
      ...(TLSClientCRL === undefined ? {} : { crl: TLSClientCRL }),
    };
  }

  private authorities(): string {
    const { TLSClientCA = '', TLSClientCRL = '' } = this.texts;
    return createHash('sha256').update(`${TLSClientCA}\0${TLSClientCRL}`).digest('hex');
  }
}
