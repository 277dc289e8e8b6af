import { any, arg, bool, int, method } from '@koji/core/api';
import type { Methods } from '@koji/core/api';

/** The plugin's method as a client calls it; importing this package adds it to its types. */
export const saveFailedTreeMethods = {
  saveFailedTree: method({
    doc: 'Save the buildroot of a failed task: its folder `builddir`, or all of it.',
    needs: 'login',
    access: 'write',
    args: [arg('buildrootID', any<number>('int')), arg('full', bool, false)],
    keywords: true,
    result: int,
    returns: "the task's id",
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'PreBuildError'],
  }),
} satisfies Methods;

declare module '@koji/core/api' {
  interface Api {
    saveFailedTree: typeof saveFailedTreeMethods.saveFailedTree;
  }
  interface TaskHandlers {
    saveFailedTree: (buildrootID: number, full?: boolean) => null;
  }
}
