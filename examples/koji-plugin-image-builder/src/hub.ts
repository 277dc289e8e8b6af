import { context, exported } from '@koji/plugin-sdk';
import { ActionNotAllowed, PRIO_DEFAULT } from '@koji/plugin-sdk/koji';
import { z } from 'zod';
import { buildArgs } from './args.js';
import type { Options } from './args.js';

export { buildArgs };

const args = [...buildArgs, ['priority', z.int().nullable().default(null)]] as const;

/** Makes a task that builds an image, for holders of `image`; answers its id. */
export const imageBuilderBuild = exported({
  doc: 'Build an image with image-builder.',
  needs: 'perm:image',
  args,
})(async (...[target, arches, types, name, version, opts, priority]): Promise<number> => {
  if (priority !== null && priority < 0 && !context.session.hasPerm('admin'))
    throw new ActionNotAllowed('only admins may create high-priority tasks');
  await context.call('getBuildTarget', [target], { strict: true });
  const options = { channel: 'image', priority: PRIO_DEFAULT + (priority ?? 0) };
  return context.makeTask('imageBuilderBuild', [target, arches, types, name, version, opts], options);
});

declare module '@koji/core/api' {
  interface Api {
    imageBuilderBuild: typeof imageBuilderBuild;
  }
  interface TaskHandlers {
    imageBuilderBuild: (
      ...args: [string, arches: string[], types: string[], name: string, version: string, opts: Options]
    ) => string;
  }
}
