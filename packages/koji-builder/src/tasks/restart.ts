import { GenericError, TASK_STATES, nameOf } from '@koji/core';
import type { HostInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import type { TaskRuntime } from '@koji/plugin-sdk';
import { FreeTask, type TaskDaemon } from '@koji/plugin-sdk/host';

type Host = Pick<HostInfo, 'id'>;

function daemonOf({ daemon, method }: TaskRuntime): TaskDaemon {
  if (!daemon) throw new GenericError(`${method} is a task for kojid`);
  return daemon;
}

async function checkOwn(task: BaseTaskHandler, host: Host): Promise<void> {
  if (host.id !== (await task.session.host.getID())) throw new GenericError('Host mismatch');
}

/** Restarts the daemon that runs it, once its other tasks have ended. */
export class RestartTask extends BaseTaskHandler {
  static override readonly Methods = ['restart'];
  static override readonly _taskWeight = 0.1;

  /** @param host the builder to restart, which must be the one that runs the task */
  async handler(host: Host): Promise<string> {
    await checkOwn(this, host);
    daemonOf(this.runtime).end('restart');
    return 'graceful restart initiated';
  }
}

/** Checks that the daemon that runs it was restarted by an earlier task. */
export class RestartVerifyTask extends BaseTaskHandler {
  static override readonly Methods = ['restartVerify'];
  static override readonly _taskWeight = 0.1;

  async handler(task_id: number, host: Host): Promise<null> {
    const info = await this.session.getTaskInfo(task_id, named({ strict: true }));
    if (info.state !== TASK_STATES.CLOSED)
      throw new GenericError(`Stage one restart task is ${nameOf(TASK_STATES, info.state) ?? info.state}`);
    await checkOwn(this, host);
    const { started } = daemonOf(this.runtime);
    if (started < Number(info.completion_ts))
      throw new GenericError(`Restart failed - start time is ${asctime(new Date(started * 1000))}`);
    return null;
  }
}

/** `Sat Nov 28 22:31:10 2026`, in local time. */
function asctime(date: Date): string {
  const [day = '', month = '', number = '', year = ''] = date.toDateString().split(' ');
  return `${day} ${month} ${number.replace(/^0/, ' ')} ${date.toTimeString().slice(0, 8)} ${year}`;
}

/** Seconds that all restarts may take together. */
const timeLimit = 24 * 3600;

/** The builders to restart. */
interface RestartOptions {
  /** Only those of a channel, by name or id. */
  readonly channel?: string | number;
  /** Only those that have one of these architectures. */
  readonly arches?: string | string[];
  /** Seconds that all restarts may take together. Default: a day. */
  readonly timeout?: number;
}

/** Restarts all enabled builders of a channel or of some architectures, each when its tasks have ended. */
export class RestartHostsTask extends BaseTaskHandler {
  static override readonly Methods = ['restartHosts'];
  static override readonly _taskWeight = 0.1;

  async handler(options: RestartOptions | null = null): Promise<null> {
    const { session } = this;
    const { channel, arches, timeout = timeLimit } = options ?? {};
    const found = channel === undefined ? null : await session.getChannel(channel, named({ strict: true }));
    const hosts = await session.listHosts(
      named({
        enabled: true,
        ...(found ? { channelID: found.id } : {}),
        ...(arches === undefined ? {} : { arches }),
      }),
    );
    if (hosts.length === 0) throw new GenericError('No matching hosts');
    const own = await session.host.getID();
    const subtasks: number[] = [];
    let ownTasks: readonly [restart: number, verify: number] | null = null;
    for (const host of hosts) {
      const pair = await this.restart(host);
      subtasks.push(...pair);
      if (host.id === own) ownTasks = pair;
    }
    if (ownTasks) {
      const [restart, verify] = ownTasks;
      await this.wait(restart, { timeout });
      // This daemon waits for its last task to end, so the task continues after the restart.
      if (!(await session.taskFinished(verify))) throw new FreeTask('the builder is being restarted');
    }
    await this.wait(subtasks, { timeout });
    return null;
  }

  private async restart(host: HostInfo): Promise<readonly [number, number]> {
    const assign = host.id;
    const restart = await this.subtask('restart', [host], { assign, label: `restart ${host.id}` });
    const verify = [restart, host] as const;
    const label = `sleep ${host.id}`;
    return [restart, await this.subtask('restartVerify', verify, { assign, label })];
  }
}

/**
 * Stops the daemon that runs it. Koji's version leaves the task open, so that the next builder that gets it stops too; this one
 * is closed first.
 */
export class ShutdownTask extends BaseTaskHandler {
  static override readonly Methods = ['shutdown'];
  static override readonly _taskWeight = 0;

  handler(): null {
    daemonOf(this.runtime).end('stop');
    return null;
  }
}
