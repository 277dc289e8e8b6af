import path from 'node:path';
import { BuildError } from '@koji/core';
import { folderOf } from './url.js';
import type { ScmUrl } from './url.js';

/** The commands of a checkout, and the resulting location of the sources. */
export interface CheckoutPlan {
  /** Command that fetches the sources, run in the folder of the checkout. */
  readonly fetch: readonly string[];
  /** The folder of all that was fetched, below that of the checkout. */
  readonly top: string;
  /** Commands that switch to the revision, run in it: later ones are tried if earlier ones fail. */
  readonly updates: readonly (readonly string[][])[];
  /** Command that fetches the folder `common`, run in the folder of the checkout. */
  readonly fetchCommon: readonly string[];
  /** The folder of the sources, below that of the checkout. */
  readonly sources: string;
  readonly env: Readonly<Record<string, string>>;
}

/** @throws BuildError if there is no user and source control needs one */
export function planCheckout(scm: ScmUrl): CheckoutPlan {
  const { scheme, scmtype, login } = scm;
  if (scmtype.endsWith('+SSH') && login === null)
    throw new BuildError(`No user specified for repository access scheme: ${scheme}`);
  if (scmtype.startsWith('GIT')) return gitPlan(scm);
  return scmtype.startsWith('SVN') ? svnPlan(scm) : cvsPlan(scm);
}

function gitPlan(scm: ScmUrl): CheckoutPlan {
  const { login, host, repository, module, revision } = scm;
  const server = `${transportOf(scm)}://${login === null ? '' : `${login}@`}${host}`;
  // The name of `common` follows from that of the main repository.
  const form = /\/\.git$|\.git$/.exec(repository)?.[0] ?? '';
  const beside = path.posix.dirname(repository.slice(0, repository.length - form.length));
  const folder = folderOf(repository);
  const remote = revision.replace(/^origin\/(?=.)/, '');
  return {
    fetch: ['git', 'clone', '-n', '--', `${server}${repository}`, folder],
    top: folder,
    updates: [
      [
        ['git', 'fetch', 'origin', remote],
        ['git', 'reset', '--hard', 'FETCH_HEAD', '--'],
      ],
      // Shortened commits and the like, which no server knows.
      [['git', 'reset', '--hard', revision, '--']],
    ],
    fetchCommon: ['git', 'clone', '--', `${server}${path.posix.join(beside, 'common')}${form}`, 'common'],
    sources: path.posix.join(folder, module),
    env: { GIT_TERMINAL_PROMPT: '0', ...gitLogin(scm, server) },
  };
}

/** The password gets to git by a setting: arguments are seen by everybody, and are in the log. */
function gitLogin({ login, password, host }: ScmUrl, server: string): Record<string, string> {
  if (password === null) return {};
  const [scheme] = server.split('://');
  const count = Number(process.env.GIT_CONFIG_COUNT ?? 0);
  return {
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: `url.${scheme}://${login}:${password}@${host}/.insteadOf`,
    [`GIT_CONFIG_VALUE_${count}`]: `${server}/`,
  };
}

function svnPlan(scm: ScmUrl): CheckoutPlan {
  const { login, host, repository, module, revision } = scm;
  const user = scm.scmtype === 'SVN+SSH' ? `${login}@` : '';
  const server = `${transportOf(scm)}://${user}${host}${repository}`;
  const checkout = ['svn', 'checkout', '--non-interactive'];
  return {
    fetch: [...checkout, '-r', revision, literal(`${server}/${module}`), module || '.'],
    top: module || '.',
    updates: [],
    fetchCommon: [...checkout, literal(`${server}/common`), 'common'],
    sources: module || '.',
    env: {},
  };
}

/** svn interprets the text after the last `@` as a revision. */
function literal(url: string): string {
  return /@[^/]*$/.test(url) ? `${url}@` : url;
}

function cvsPlan({
  scmtype,
  login,
  password,
  host,
  repository,
  module,
  revision,
  scheme,
}: ScmUrl): CheckoutPlan {
  if (module === '') throw new BuildError(`No module specified for repository access scheme: ${scheme}`);
  const method = scmtype === 'CVS' ? 'pserver' : 'ext';
  const user = password === null ? (login ?? 'anonymous') : `${login}:${password}`;
  const place = /:\d+$/.test(host) ? `${host}${repository}` : `${host}:${repository}`;
  const root = `:${method}:${user}@${place}`;
  // A password gets to cvs by its environment: arguments are seen by everybody, and are in the log.
  const cvs = password === null ? ['cvs', '-d', root] : ['cvs'];
  return {
    fetch: [...cvs, 'checkout', '-r', revision, module],
    top: module,
    updates: [],
    fetchCommon: [...cvs, 'checkout', 'common'],
    sources: module,
    env: {
      ...(scmtype === 'CVS' ? {} : { CVS_RSH: 'ssh' }),
      ...(password === null ? {} : { CVSROOT: root }),
    },
  };
}

/** How the server is spoken to: `https` of `git+https://`. */
function transportOf({ scheme, scmtype }: ScmUrl): string {
  const name = scheme.slice(0, -'://'.length);
  return scmtype.endsWith('+SSH') ? name : name.replace(/^.*\+/, '');
}
