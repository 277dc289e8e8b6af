import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ConfigurationError } from '../faults.js';
import { ConfigError } from '../errors.js';
import { hubOptions } from './hub-options.js';
import type { HubOptions } from './hub-options.js';
import { parseIni } from './ini.js';
import type { Sections, Source } from './ini.js';
import { clientOptions } from './koji-options.js';
import type { ClientOptions } from './koji-options.js';
import { kojidOptions } from './kojid-options.js';
import type { KojidOptions } from './kojid-options.js';
import { readOptions } from './options.js';
import { secretOption } from './secret-file.js';
import type { OptionTable } from './options.js';
import { sortTexts } from '../sort-texts.js';

type Environment = Readonly<Record<string, string | undefined>>;

const hubFile = '/etc/koji-hub/hub.conf';

/** The contents of hub.conf. */
export interface HubConfig {
  readonly options: HubOptions;
  /** The rules of section `policy`, by policy name. */
  readonly policies: ReadonlyMap<string, string>;
  /** The main file. */
  readonly file: string;
}

/**
 * Reads hub.conf and the `*.conf` files of its folder; the main file takes precedence.
 *
 * @param file the main file; default `koji.hub.ConfigFile` of the environment, then /etc/koji-hub/hub.conf
 * @param dir the folder; default `koji.hub.ConfigDir` of the environment, then `FILE.d` next to the given `file`, then
 *   /etc/koji-hub/hub.conf.d
 * @throws ConfigError with every problem
 */
export function readHubConfig(from: { file?: string; dir?: string; env?: Environment } = {}): HubConfig {
  const env = from.env ?? process.env;
  const file = from.file ?? env['koji.hub.ConfigFile'] ?? hubFile;
  const dir = from.dir ?? env['koji.hub.ConfigDir'] ?? `${from.file ?? hubFile}.d`;
  const sections = parseIni([...sourcesAt(dir), ...required(file)]);
  const options = readOptions(hubOptions, sections.get('hub') ?? new Map<string, string>(), {
    file: (option) => sections.fileOf('hub', option) ?? file,
    section: 'hub',
  });
  return {
    options: {
      ...options,
      RLIMIT_NOFILE: options.RLIMIT_NOFILE ?? options.RLIMIT_OFILE,
      DBPass: secretOption(options.DBPass, { file, section: 'hub', name: 'DBPass' }),
    },
    policies: sections.get('policy') ?? new Map<string, string>(),
    file,
  };
}

/**
 * Reads kojid.conf. As in Koji, a section or option that kojid does not know is an error.
 *
 * @param overrides values from the command line, which take precedence over the file
 * @param etc the folder to search for client.crt and serverca.crt if the file does not set them
 * @throws ConfigError with every problem
 */
export function readKojidConfig(from: {
  file: string;
  overrides?: Readonly<Record<string, string>>;
  etc?: string;
}): KojidOptions {
  const { file, overrides = {}, etc = '/etc/kojid' } = from;
  const sections = parseIni(required(file));
  const strange = sections.keys().filter((name) => name !== 'kojid');
  if (strange.length > 0)
    throw new ConfigError(`invalid section found in config file: ${strange.join(', ')} (${file})`);
  const values = new Map([...(sections.get('kojid') ?? []), ...Object.entries(overrides)]);
  // Koji reads both names.
  const plugins = values.get('plugins');
  values.delete('plugins');
  if (plugins !== undefined && !values.has('plugin')) values.set('plugin', plugins);
  const options = readOptions(kojidOptions, values, { file, section: 'kojid', unknown: 'fatal' });
  const missing = (['server', 'topurl'] as const).filter((name) => !options[name]);
  if (missing.length > 0)
    throw new ConfigError(
      missing.map((name) => `${file} [kojid]: the ${name} option is required`).join('\n'),
    );
  return {
    ...options,
    RLIMIT_NOFILE: options.RLIMIT_NOFILE ?? options.RLIMIT_OFILE,
    password: secretOption(options.password, { file, section: 'kojid', name: 'password' }),
    cert: options.cert ?? existing(path.join(etc, 'client.crt')),
    serverca: options.serverca ?? existing(path.join(etc, 'serverca.crt')),
  };
}

/** A profile of koji.conf. */
export type Profile = ClientOptions & { readonly profile: string };

/** Where to read a profile. */
export interface ClientSource {
  readonly profile: string;
  /** A file to read instead of the user's own. */
  readonly configFile?: string;
  /** The user's home directory. */
  readonly home?: string;
  /** The folder that contains koji.conf and koji.conf.d; `/etc`. */
  readonly etc?: string;
}

/**
 * Reads a profile: /etc/koji.conf.d, /etc/koji.conf, then the user's own ~/.koji/config.d and ~/.koji/config, or the given file instead of these two. Later ones take precedence.
 *
 * @throws ConfigurationError if no file has the profile, ConfigError if a value is invalid
 */
export function readClientConfig(from: ClientSource): Profile {
  const { profile, home = homedir() } = from;
  const sections = clientSections(from);
  const values = sections.get(profile);
  if (!values) throw new ConfigurationError(`no configuration for profile name: ${profile}`);
  const options = readOptions(clientOptions, values, {
    file: (option) => sections.fileOf(profile, option) ?? 'koji.conf',
    section: profile,
  });
  const certificate = (given: string | null, usual: string): string =>
    given === null ? (existing(path.join(home, '.koji', usual)) ?? '') : expandHome(given, home);
  return {
    ...options,
    profile,
    cert: certificate(options.cert, 'client.crt'),
    serverca: certificate(options.serverca, 'serverca.crt'),
  };
}

/** An option that a profile sets. */
export interface ProfileSetting {
  readonly name: string;
  /** The text of the file; `(secret)` for a password. */
  readonly value: string;
  /** The file that the value comes from. */
  readonly file: string;
  /** Whether the option exists. */
  readonly known: boolean;
  /** Why the option has no effect; null if it has one. */
  readonly withoutEffect: string | null;
}

/** Returns the options that files set for a profile, and the file that each value comes from. Throws like {@link readClientConfig}. */
export function listProfileSettings(from: ClientSource): ProfileSetting[] {
  const sections = clientSections(from);
  const table: OptionTable = clientOptions;
  return [...(sections.get(from.profile) ?? [])].map(([name, value]) => {
    const option = Object.hasOwn(table, name) ? table[name] : undefined;
    return {
      name,
      value: option?.secret ? '(secret)' : value,
      file: sections.fileOf(from.profile, name) ?? 'koji.conf',
      known: option !== undefined,
      withoutEffect: option?.withoutEffect ?? null,
    };
  });
}

/** Returns the names of the profiles in the files, which are the section names of koji.conf. */
export function listProfiles(from: Omit<ClientSource, 'profile'> = {}): string[] {
  return clientSections(from).keys();
}

function clientSections(from: Omit<ClientSource, 'profile'>): Sections {
  const { configFile, home = homedir(), etc = '/etc' } = from;
  const own = configFile
    ? required(expandHome(configFile, home), ConfigurationError)
    : [...sourcesAt(path.join(home, '.koji/config.d')), ...sourcesAt(path.join(home, '.koji/config'))];
  const system = [...sourcesAt(path.join(etc, 'koji.conf.d')), ...sourcesAt(path.join(etc, 'koji.conf'))];
  return parseIni([...system, ...own], { interpolation: true });
}

function expandHome(file: string, home: string): string {
  return file === '~' || file.startsWith('~/') ? path.join(home, file.slice(1)) : file;
}

function existing(file: string): string | null {
  return existsSync(file) ? file : null;
}

/** Returns the contents of a file, or of the `*.conf` files of a folder by name; nothing if neither exists. */
function sourcesAt(place: string): Source[] {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [readSource(place)];
  const names = readdirSync(place).filter((name) => name.endsWith('.conf'));
  const files = sortTexts(names).map((name) => path.join(place, name));
  return files.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile()).map(readSource);
}

/** Like {@link sourcesAt}, but a missing or empty path is an error. */
function required(place: string, Fault: new (message: string) => Error = ConfigError): Source[] {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (!stat) throw new Fault(`Config file ${place} can't be opened.`);
  const sources = sourcesAt(place);
  if (sources.length === 0) throw new Fault(`No config files found in directory: ${place}`);
  return sources;
}

function readSource(file: string): Source {
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch (cause) {
    throw new ConfigError(`Config file ${file} can't be opened: ${(cause as Error).message}`, { cause });
  }
}
