import { exportCli } from '@koji/plugin-sdk';
import type {} from './hub.js';

/** `koji compare-tags BEFORE AFTER`: has two tags compared and prints what differs. */
export const handle_compare_tags = exportCli({
  help: 'Show what one tag has and another has not',
  group: 'info',
  usage: '<before> <after>',
})(async (_options, session, args, tools) => {
  if (args.length !== 2) return tools.usageError('Please name two tags');
  const [before = '', after = ''] = args;
  const task = await session.compareTags(before, after);
  const code = await tools.watchTasks([task], { quiet: true });
  if (code === 0)
    tools.print(
      Buffer.from(await tools.taskOutput(task, 'difference.txt'))
        .toString()
        .trimEnd(),
    );
  return code;
});
