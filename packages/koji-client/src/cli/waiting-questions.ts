import type { WaitingQuestions } from '@koji/core/text';
import type { ClientSession } from '../session.js';

/** Asks a hub why tasks are waiting. Each call is sent once, so that an unavailable hub delays nothing. */
export function waitingQuestions(session: ClientSession): WaitingQuestions {
  const look = <T>(method: string, args: readonly unknown[]): Promise<T> =>
    session.call<T>(method, args, {}, { aside: true, retry: false, timeout: 30 });
  return {
    channel: (id) => look('getChannel', [id]),
    hosts: (channelId) => look('listHosts', [null, channelId]),
    refusals: (taskIds) => look('scheduler.getTaskRefusals', [[['task_id', taskIds]]]),
    hostData: () => look('scheduler.getHostData', []),
  };
}
