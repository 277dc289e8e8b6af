import { any, arg, int, method, nullable, str } from '@koji/core/api';
import type { Methods, NameOrId } from '@koji/core/api';

/** The plugin's method as a client calls it; importing this package adds it to its types. */
export const runrootMethods = {
  runroot: method({
    doc: 'Run a command as root in a buildroot of a tag; other named arguments are those of the task.',
    needs: 'perm:runroot',
    access: 'write',
    args: [
      arg('tagInfo', any<NameOrId>('str | int | dict')),
      arg('arch', any<string | readonly string[]>('str | list')),
      arg('command', any<string | readonly string[]>('str | list')),
      arg('channel', nullable(str), null),
    ],
    keywords: true,
    result: int,
    returns: "the task's id",
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

declare module '@koji/core/api' {
  interface Api {
    runroot: typeof runrootMethods.runroot;
  }
  interface TaskHandlers {
    runroot: (root: NameOrId, arch: string, command: string | readonly string[]) => string;
  }
}
