/** Things that arguments and values of options name, as far as completion knows them. */
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

/** What the value of an option of this name is in every command; other options take any text. */
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

/** Returns what the value of an option names. */
export function kindOfOption(flags: readonly string[]): ArgumentKind {
  const known = flags.find((flag) => Object.hasOwn(kindsOfOptions, flag));
  return (known === undefined ? undefined : kindsOfOptions[known]) ?? 'text';
}
