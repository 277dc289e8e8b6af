/** The kinds of names that arguments and option values can be, for completion. */
export type ArgumentKind =
  | 'build'
  | 'category'
  | 'channel'
  | 'content-generator'
  | 'external-repo'
  | 'file'
  | 'group'
  | 'host'
  | 'kind'
  | 'method'
  | 'name'
  | 'package'
  | 'permission'
  | 'profile'
  | 'rpm'
  | 'search-type'
  | 'shell'
  | 'tag'
  | 'target'
  | 'task'
  | 'text'
  | 'user'
  | 'volume';

/** The kind of name that an option takes in every command; other options take any text. */
const kindsOfOptions: Readonly<Record<string, ArgumentKind>> = {
  '--build': 'build',
  '--build-tag': 'tag',
  '--build-target': 'target',
  '--channel': 'channel',
  '--config': 'file',
  '--dest-tag': 'tag',
  '--editor': 'user',
  '--external-repo': 'external-repo',
  '--group': 'group',
  '--host': 'host',
  '--newer-than': 'build',
  '--older-than': 'build',
  '--owner': 'user',
  '--package': 'package',
  '--parent': 'tag',
  '--perm': 'permission',
  '--permission': 'permission',
  '--pkg': 'package',
  '--profile': 'profile',
  '--tag': 'tag',
  '--target': 'target',
  '--user': 'user',
  '--volume': 'volume',
};

/** Returns the kind of name that an option takes. */
export function kindOfOption(flags: readonly string[]): ArgumentKind {
  const known = flags.find((flag) => Object.hasOwn(kindsOfOptions, flag));
  return (known === undefined ? undefined : kindsOfOptions[known]) ?? 'text';
}
