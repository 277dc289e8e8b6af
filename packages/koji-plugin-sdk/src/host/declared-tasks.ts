import { addTaskSignature } from '@koji/core';
import { defaultOf } from '@koji/core/api';
import type { LoadedPlugin } from './collect.js';

/** Has the arguments of plugins' tasks shown by their names in this process. */
export function showTaskArguments(plugins: readonly LoadedPlugin[]): void {
  for (const { method, args } of plugins.flatMap(({ declaredTasks }) => declaredTasks)) {
    const required = args.findLastIndex(({ optional }) => !optional) + 1;
    const defaults = args.slice(required).map((arg) => defaultOf(arg) ?? null);
    addTaskSignature(method, { args: args.map(({ name }) => name), defaults });
  }
}
