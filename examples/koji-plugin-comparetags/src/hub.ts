import { context, exported } from '@koji/plugin-sdk';
import type { CompareTags } from './builder.js';

/** Makes a task that compares the builds of two tags; answers its id. */
export const compareTags = exported({ doc: 'Compare the builds of two tags.', needs: 'login' })(async (
  before: string,
  after: string,
): Promise<number> => {
  for (const tag of [before, after]) await context.call('getTag', [tag], { strict: true });
  return context.makeTask('compareTags', [before, after], { arch: 'noarch' });
});

declare module '@koji/core/api' {
  interface Api {
    compareTags: typeof compareTags;
  }
  interface TaskHandlers {
    compareTags: CompareTags['handler'];
  }
}
