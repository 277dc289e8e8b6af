import { callback, context } from '@koji/plugin-sdk';

/** Notes every build that gets into a tag. To forbid it, listen to preTag and throw. */
export const onTag = callback('postTag', (_event, { tag, build, user }) => {
  context.log.info(`__plugin__: ${user?.name ?? 'somebody'} has put ${build.nvr} into ${tag.name}`);
});
