import { any, arg, bool, int, method, nullable, str } from '@koji/core/api';
import type { Methods } from '@koji/core/api';

const texts = any<readonly string[]>('list');

/** The plugin's method as a client calls it; importing this package adds it to its types. */
export const dudMethods = {
  dudBuild: method({
    doc: 'Build a driver update disk.',
    needs: 'perm:image',
    access: 'write',
    args: [
      arg('dud_name', str),
      arg('dud_version', str),
      arg('arches', texts),
      arg('target', any<string | number>('str | int')),
      arg('pkg_list', texts),
      arg('optional_arches', nullable(texts), null),
      arg('scratch', bool, false),
      arg('alldeps', bool, false),
      arg('scmurl', nullable(str), null),
      arg('priority', nullable(int), null),
    ],
    result: int,
    returns: "the task's id",
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

declare module '@koji/core/api' {
  interface Api {
    dudBuild: typeof dudMethods.dudBuild;
  }
  interface TaskHandlers {
    dudBuild: (
      ...args: [
        dud_name: string,
        dud_version: string,
        arches: readonly string[] | null,
        target: string | number,
        pkg_list: readonly string[],
        opts?: object | null,
      ]
    ) => string;
  }
}
