import type { Call } from '../../call.js';
import { now, sql } from '../../db/sql.js';

/** Notes something that the scheduler did, for scheduler.getLogMessages and the log. */
export async function logScheduling(
  call: Call,
  message: string,
  { taskId = null, hostId = null }: { taskId?: number | null; hostId?: number | null },
): Promise<void> {
  const task = taskId === null ? '' : `[task_id=${taskId}] `;
  const host = hostId === null ? '' : `[host_id=${hostId}] `;
  call.log.info(`${task}${host}${message}`);
  await call.db.run(
    sql`INSERT INTO scheduler_log_messages (msg, task_id, host_id) VALUES (${message}, ${taskId}, ${hostId})`,
  );
}

/** Keeps the scheduler from giving a task to a host: for SoftRefusalTimeout seconds, or unless `soft` for good. */
export async function refuse(
  call: Call,
  refusal: { hostId: number; taskId: number; soft: boolean; byHost?: boolean; message: string },
): Promise<void> {
  const { hostId, taskId, soft, byHost = false, message } = refusal;
  await call.db.run(
    sql`INSERT INTO scheduler_task_refusals (host_id, task_id, soft, by_host, msg)
        VALUES (${hostId}, ${taskId}, ${soft}, ${byHost}, ${message})
        ON CONFLICT (task_id, host_id) DO UPDATE SET soft = excluded.soft, by_host = excluded.by_host,
          msg = excluded.msg, time = ${now}`,
  );
  await logScheduling(call, `Host refused task: ${message}`, { taskId, hostId });
}
