import { GenericError, TASK_STATES, parseArches } from '@koji/core';
import type { Run } from './command.js';
import type { LabelledTask } from '@koji/core/text';

/** Filter for tasks; unfinished ones unless `all`. */
export interface TaskSelection {
  readonly mine?: boolean | undefined;
  readonly user?: string | undefined;
  readonly arch?: string | undefined;
  readonly method?: string | undefined;
  readonly channel?: string | undefined;
  readonly host?: string | undefined;
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly all?: boolean | undefined;
}

/** A task in a list. */
export interface ListedTask extends LabelledTask {
  readonly id: number;
  readonly parent: number | null;
  readonly state: number;
  readonly priority: number;
  readonly owner_name: string;
}

/** Returns the tasks selected by a command's options; exits the command if one of these names does not exist. */
export async function listTasks(
  run: Pick<Run, 'session' | 'print' | 'fail'>,
  options: TaskSelection,
): Promise<ListedTask[]> {
  const { session, print, fail } = run;
  const missing = (text: string): never => {
    print(text);
    return fail();
  };
  const filter: Record<string, unknown> = { decode: true };
  if (!options.all) filter['state'] = [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED];
  if (options.after) filter['startedAfter'] = options.after;
  if (options.before) filter['startedBefore'] = options.before;
  if (options.mine) {
    if (options.user) throw new GenericError("Can't specify 'mine' and 'user' in same time");
    filter['owner'] = ((await session.getLoggedInUser()) ?? missing('Unable to determine user')).id;
  }
  if (options.user)
    filter['owner'] = ((await session.getUser(options.user)) ?? missing(`No such user: ${options.user}`)).id;
  if (options.arch) filter['arch'] = parseArches(options.arch).split(' ');
  if (options.method) filter['method'] = options.method;
  if (options.channel) {
    const channel = await session.getChannel(options.channel);
    filter['channel_id'] = (channel ?? missing(`No such channel: ${options.channel}`)).id;
  }
  if (options.host) {
    const host = await session.getHost(options.host);
    filter['host_id'] = (host ?? missing(`No such host: ${options.host}`)).id;
  }
  return session.listTasks(filter, { order: 'priority,create_time' });
}
