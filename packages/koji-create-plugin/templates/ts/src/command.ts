import { exportCli } from '@koji/plugin-sdk';

/** `koji __command__ TAG`: shows the latest builds of a tag; needs no login. */
export const anon_handle___snake__ = exportCli({
  help: 'Show the latest builds of a tag',
  group: 'info',
  usage: '<tag>',
})(async (_options, session, args, tools) => {
  const [tag] = args;
  if (tag === undefined) return tools.usageError('Please name a tag');
  const builds = await session.getLatestBuilds(tag);
  for (const { nvr } of builds) tools.print(nvr);
  return builds.length > 0 ? 0 : 1;
});
