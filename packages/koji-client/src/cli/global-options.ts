import { homedir } from 'node:os';
import type { Profile } from '@koji/core/config';
import { readProfile } from '../profiles.js';
import { OptionParser, flag, text } from './options.js';
import type { OptionValues } from './options.js';
import { categories } from './categories.js';

const commonCommands = ['build', 'download-build', 'help', 'latest-build', 'list-targets', 'search'];

const options = (program: string) => ({
  profile: text(['-p', '--profile'], `specify a configuration profile. default: ${program}`),
  configFile: text(['-c', '--config'], "load profile's settings from another file. Use with --profile.", {
    metavar: 'FILE',
  }),
  keytab: text('--keytab', 'specify a Kerberos keytab to use', { metavar: 'FILE' }),
  principal: text('--principal', 'specify a Kerberos principal to use'),
  cert: text('--cert', 'specify a SSL cert to use', { metavar: 'FILE' }),
  runas: text('--runas', 'run as the specified user (requires special privileges)'),
  user: text('--user', 'specify user'),
  password: text('--password', 'specify password'),
  noauth: flag('--noauth', 'do not authenticate'),
  force_auth: flag('--force-auth', 'authenticate even for read-only operations'),
  authtype: text(
    '--authtype',
    'force use of a type of authentication, options: noauth, ssl, password, or kerberos',
  ),
  debug: flag(['-d', '--debug'], 'show debug output'),
  debug_xmlrpc: flag('--debug-xmlrpc', 'show xmlrpc debug output'),
  quiet: flag(['-q', '--quiet'], 'run quietly'),
  skip_main: flag('--skip-main', "don't actually run main"),
  server: text(['-s', '--server'], 'url of XMLRPC server'),
  topdir: text('--topdir', 'specify topdir'),
  weburl: text('--weburl', 'url of the Koji web interface'),
  topurl: text('--topurl', 'url for Koji file access'),
  pkgurl: text('--pkgurl'),
  plugin_paths: text('--plugin-paths', 'specify additional plugin paths (colon separated)', {
    metavar: 'PATHS',
  }),
  help_commands: flag('--help-commands', 'list commands'),
  no_pager: { ...flag('--no-pager', 'do not show long output in a pager'), extra: true as const },
});

type Given = OptionValues<ReturnType<typeof options>>;

/** The profile with the command line's options applied. */
export interface GlobalOptions extends Omit<Profile, 'plugin_paths'> {
  readonly program: string;
  readonly configFile: string | null;
  readonly plugin_paths: readonly string[];
  readonly runas: string | null;
  readonly noauth: boolean;
  readonly quiet: boolean;
  readonly help_commands: boolean;
  readonly no_pager: boolean;
  /** Names of the profile options set on the command line. */
  readonly fromCommandLine: readonly string[];
}

/** The lines below every list of commands. */
export function epilog(program: string): string {
  const all = ['all', ...Object.keys(categories)].sort().join(', ');
  return (
    `\nTry "${program} --help" for help about global options\n` +
    `Try "${program} help" to get all available commands\n` +
    `Try "${program} <command> --help" for help about the options of a particular command\n` +
    `Try "${program} help <category>" to get commands under a particular category\n` +
    `Available categories are: ${all}\n`
  );
}

/** Returns the parser of the words before the command's name. */
export function globalParser(program: string): OptionParser<ReturnType<typeof options>> {
  const usage =
    `${program} [global-options] command [command-options-and-arguments]\n\n` +
    `Common commands: ${commonCommands.join(', ')}`;
  return new OptionParser(usage, options(program), { interspersed: false, epilog: epilog(program) });
}

/** Reads the profile and applies the command line's options. Throws the errors of {@link readProfile}. */
export function withProfile(program: string, given: Given, warn: (line: string) => void): GlobalOptions {
  const { configFile, help_commands, no_pager, pkgurl, plugin_paths, profile: name, ...set } = given;
  const profile = readProfile(name ?? program, configFile === undefined ? {} : { configFile });
  const over = Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
  const merged = { ...profile, ...over };
  return {
    ...merged,
    program,
    configFile: configFile ?? null,
    topdir: expandHome(merged.topdir),
    cert: expandHome(merged.cert ?? ''),
    serverca: expandHome(merged.serverca ?? ''),
    keytab: merged.keytab && expandHome(merged.keytab),
    token_file: merged.token_file && expandHome(merged.token_file),
    topurl: merged.topurl ?? fromPkgurl(pkgurl ?? profile.pkgurl, warn),
    plugin_paths: plugin_paths === undefined ? profile.plugin_paths : plugin_paths.split(':').map(expandHome),
    runas: given.runas ?? null,
    noauth: given.noauth ?? false,
    quiet: given.quiet ?? false,
    help_commands: help_commands ?? false,
    no_pager: no_pager ?? false,
    fromCommandLine: [...Object.keys(over), ...(plugin_paths === undefined ? [] : ['plugin_paths'])],
  };
}

function fromPkgurl(pkgurl: string | null, warn: (line: string) => void): string | null {
  if (!pkgurl) return null;
  const topurl = pkgurl.replace(/\/packages\/?$/, '');
  if (topurl === pkgurl) {
    warn('Warning: The pkgurl option is obsolete, please use topurl instead');
    return null;
  }
  warn(`Warning: the pkgurl option is obsolete, using topurl='${topurl}'`);
  return topurl;
}

function expandHome(file: string): string {
  return file === '~' || file.startsWith('~/') ? homedir() + file.slice(1) : file;
}
