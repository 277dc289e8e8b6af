import path from 'node:path';
import { GenericError } from '@koji/core';
import type { SCM_TYPES } from '@koji/core';

/** A kind of source control, as `scmtype` names it. */
export type ScmType = (typeof SCM_TYPES)[number];

/** Data about an SCM URL for callbacks and policies. */
export interface ScmInfo {
  /** As it was given. */
  readonly url: string;
  /** With its slashes: `git+https://`. */
  readonly scheme: string;
  /** `NAME:PASSWORD` where passwords are allowed. */
  readonly user: string | null;
  /** With the port, if there is one. */
  readonly host: string;
  /** A path that begins with a slash and has no `.`, `..` or empty parts. */
  readonly repository: string;
  /** A folder in the repository; empty for all of it. */
  readonly module: string;
  /** A branch, tag or commit. */
  readonly revision: string;
  /** The kind of source control. */
  readonly scmtype: ScmType;
}

/** An SCM URL, taken apart and checked. */
export interface ScmUrl extends ScmInfo {
  readonly login: string | null;
  readonly password: string | null;
}

const typeOf: Readonly<Record<string, ScmType>> = {
  'cvs://': 'CVS',
  'cvs+ssh://': 'CVS+SSH',
  'git://': 'GIT',
  'git+http://': 'GIT',
  'git+https://': 'GIT',
  'git+rsync://': 'GIT',
  'git+ssh://': 'GIT+SSH',
  'svn://': 'SVN',
  'svn+http://': 'SVN',
  'svn+https://': 'SVN',
  'svn+ssh://': 'SVN+SSH',
};

const takesPassword = new Set(['cvs://', 'git+http://', 'git+https://']);

/** Whether a text is the address of sources in source control, by its scheme alone. */
export function isScmUrl(text: string): boolean {
  return schemeOf(text) !== undefined;
}

function schemeOf(text: string): string | undefined {
  return Object.keys(typeOf).find((scheme) => text.startsWith(scheme));
}

/**
 * Takes `SCHEME://[USER@]HOST/REPOSITORY?MODULE#REVISION` apart. The result is safe as arguments of git, svn and cvs: nothing
 * looks like an option, and no alternative spelling of a path bypasses the rules for it.
 *
 * @throws GenericError if it is malformed, or a part is invalid
 */
export function parseScmUrl(url: string, allowPassword: boolean): ScmUrl {
  const scheme = schemeOf(url);
  const scmtype = scheme === undefined ? undefined : typeOf[scheme];
  if (scheme === undefined || scmtype === undefined)
    throw new GenericError(
      `Invalid scheme in scm url. Valid schemes are: ${Object.keys(typeOf).sort().join(' ')}`,
    );
  const { authority, place, module, revision } = split(url.slice(scheme.length));
  const { login, password, host } = splitAuthority(authority, url);
  if (password !== null && !(allowPassword && login !== null && takesPassword.has(scheme)))
    throw new GenericError(`username:password format not supported: ${login ?? ''}:(not shown)`);
  const parsed: ScmUrl = {
    url,
    scheme,
    user: password === null ? login : `${login}:${password}`,
    login,
    password,
    host: host.toLowerCase(),
    repository: repositoryOf(place, url),
    module: module.replace(/\/+$/, ''),
    revision,
    scmtype,
  };
  check(parsed);
  return parsed;
}

/** The URL as everybody may read it. */
export function withoutPassword(url: string): string {
  return url.replace(/^([^/?#]*:\/\/[^:/?#]*):[^/?#]*@/, '$1@');
}

function split(text: string): { authority: string; place: string; module: string; revision: string } {
  const [, address = '', module = '', revision = ''] =
    /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/su.exec(text) ?? [];
  const slash = address.indexOf('/');
  const end = slash === -1 ? address.length : slash;
  return { authority: address.slice(0, end), place: address.slice(end), module, revision };
}

function splitAuthority(
  authority: string,
  url: string,
): { login: string | null; password: string | null; host: string } {
  const parts = authority.split('@');
  const host = parts.at(-1) ?? '';
  if (parts.length > 2) throw new GenericError(`Invalid username@hostname specified: (not shown)@${host}`);
  if (host === '') throw unable(url, 'Could not find the netloc element.');
  const [user = ''] = parts.length === 2 ? parts : [];
  const colon = user.indexOf(':');
  const login = colon === -1 ? user : user.slice(0, colon);
  const password = colon === -1 ? '' : user.slice(colon + 1);
  return { login: login || null, password: password || null, host };
}

function repositoryOf(place: string, url: string): string {
  if (place === '') throw unable(url, 'Could not find the path element.');
  const params = /;(.*)$/s.exec(place.slice(place.lastIndexOf('/')))?.[1];
  if (params) throw unable(url, `Params element ${params} should be empty.`);
  return path.posix.normalize(place.replace(/;$/, '')).replace(/\/$/, '');
}

const rules: readonly (readonly [keyof ScmUrl, RegExp, string])[] = [
  [
    'login',
    /^\w[\w.+-]*(?:%40[\w.+-]+)?$/,
    'letters, digits and . _ + -, and begins with none of the last two',
  ],
  ['password', /^[\x21-\x7e]+$/, 'printable ASCII characters'],
  [
    'host',
    /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/,
    'a host name or address, and a port',
  ],
  [
    'repository',
    /^(?:\/[\w.~!$&'()*+,;=:@%-]+)+$/,
    "a path of letters, digits and . _ ~ ! $ & ' ( ) * + , ; = : @ % -",
  ],
  [
    'module',
    /^(?:(?!-|\.{0,2}(?:\/|$))[\w.~!$&'()*+,;=:@%-]+(?:\/|$))*$/,
    'a relative path without . and .. in it',
  ],
  // Not as an option, a refspec, an exclusion or a pattern; `origin/` before it is cut off.
  [
    'revision',
    /^(?![+^])(?!(?:.*\/)?-)(?!.*\.\.)[^\s\p{Cc}\p{Cs}:?*[\\]+(?<!\/)$/u,
    'one branch, tag or commit',
  ],
];

function check(parsed: ScmUrl): void {
  const { url, repository, module, scmtype, revision } = parsed;
  if (revision === '') throw unable(url, 'Could not find the fragment element.');
  for (const [field, form, wanted] of rules) {
    const value = parsed[field];
    if (value === null || form.test(value)) continue;
    const shown = field === 'password' ? '(not shown)' : `'${value}'`;
    throw unable(url, `The ${field} ${shown} is not ${wanted}.`);
  }
  for (const text of [repository, module])
    if (!isCanonical(text))
      throw unable(
        url,
        `'${text}' has characters written as %XX that can stand for themselves, or none at all.`,
      );
  if (/^\.{0,2}$/.test(folderOf(repository)) && scmtype.startsWith('GIT'))
    throw unable(url, `A repository can't be named '${path.posix.basename(repository)}'.`);
}

/** Whether there is no other way to write the same path: or rules for paths could be got around. */
function isCanonical(text: string): boolean {
  try {
    decodeURIComponent(text);
  } catch {
    return false;
  }
  const coded = [...text.matchAll(/%(..)/gs)].map(([, code = '']) => Number.parseInt(code, 16));
  return coded.every(
    (code) => code > 0x1f && !/[\w.~!$&'()*+,;=:@/\\%\x7f-]/.test(String.fromCharCode(code)),
  );
}

function unable(url: string, problem: string): GenericError {
  return new GenericError(`Unable to parse SCM URL: ${withoutPassword(url)} . ${problem}`);
}

/** The folder that a clone of a git repository gets. */
export function folderOf(repository: string): string {
  return path.posix.basename(repository.replace(/\/?\.git$/, ''));
}
