import { any, arg, bool, int, method, nullable, str } from '@koji/core/api';
import type { Methods, NameOrId } from '@koji/core/api';

/** Architectures as a list, or as text with spaces between. */
const arches = any<readonly string[] | string>('list | str');
const text = nullable(str);
const texts = nullable(any<readonly string[]>('list'));

/** The plugin's method as a client calls it; importing this package adds it to its types. */
export const kiwiMethods = {
  kiwiBuild: method({
    doc: 'Build an image from a kiwi description.',
    needs: 'perm:image',
    access: 'write',
    args: [
      arg('target', any<NameOrId>('str | int | dict')),
      arg('arches', arches),
      arg('desc_url', str),
      arg('desc_path', str),
      arg('optional_arches', nullable(arches), null),
      arg('profile', text, null),
      arg('scratch', bool, false),
      arg('priority', nullable(int), null),
      arg('make_prep', bool, false),
      arg('repos', texts, null),
      arg('release', text, null),
      arg('type', text, null),
      arg('type_attr', texts, null),
      arg('result_bundle_name_format', text, null),
      arg('use_buildroot_repo', bool, true),
      arg('version', text, null),
      arg('repo_releasever', text, null),
    ],
    result: int,
    returns: "the task's id",
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

declare module '@koji/core/api' {
  interface Api {
    kiwiBuild: typeof kiwiMethods.kiwiBuild;
  }
  interface TaskHandlers {
    kiwiBuild: (
      ...args: [
        target: NameOrId,
        arches: readonly string[] | null,
        desc_url: string,
        desc_path: string,
        opts?: object | null,
      ]
    ) => string;
  }
}
