import { canonArch, messageOf, parseTaskParams } from '@koji/core';
import type { Call } from '../../call.js';
import { sql } from '../../db/sql.js';
import { listHosts } from '../task-records/hosts.js';
import { refuse } from './refusals.js';
import { findTag, getBuildConfig } from '../tags/tags.js';

/** The parameter that holds the build tag of noarch tasks which still need a host of one of its arches. */
const tagParams: Readonly<Record<string, string>> = {
  buildArch: 'root',
  buildMaven: 'build_tag',
  buildSRPMFromSCM: 'build_tag',
  rebuildSRPM: 'build_tag',
  wrapperRPM: 'build_target',
};

/**
 * Refuses a noarch task that runs in a buildroot for every host without an arch of its build tag, so that the scheduler
 * does not offer it to them. Whatever is wrong with the parameters is for the task itself to say.
 */
export async function refuseByArch(
  call: Call,
  task: { id: number; method: string; params: readonly unknown[]; arch: string; channelId: number },
): Promise<void> {
  const param = tagParams[task.method];
  if (task.arch !== 'noarch' || param === undefined) return;
  try {
    await call.db.savepoint(() => refuseHosts(call, task, param));
  } catch (error) {
    call.log.warn(`no hosts are ruled out for task ${task.id}: ${messageOf(error)}`);
  }
}

async function refuseHosts(
  call: Call,
  task: { id: number; method: string; params: readonly unknown[]; channelId: number },
  param: string,
): Promise<void> {
  const value = parseTaskParams(task.method, task.params)?.[param];
  const tag = param === 'build_target' ? await buildTagOf(call, value) : value;
  if (tag === null || tag === undefined || !(await findTag(call, tag))) return;
  const { arches } = await getBuildConfig(call, tag, null);
  const wanted = new Set((arches ?? '').split(/\s+/).filter(Boolean).map(canonArch));
  if (wanted.size === 0) return;
  const hosts = await listHosts(call, [
    sql`host_config.enabled = TRUE`,
    sql`host.id IN (SELECT host_id FROM host_channels WHERE channel_id = ${task.channelId} AND active = TRUE)`,
  ]);
  for (const host of hosts) {
    if ((host.arches ?? '').split(/\s+/).some((arch) => wanted.has(arch))) continue;
    await refuse(call, { hostId: host.id, taskId: task.id, soft: false, message: 'automatic arch refusal' });
  }
}

async function buildTagOf(call: Call, target: unknown): Promise<number | null> {
  const name = typeof target === 'object' && target !== null ? (target as { name?: unknown }).name : target;
  const condition =
    typeof name === 'number' ? sql`build_target.id = ${name}` : sql`build_target.name = ${String(name)}`;
  const row = await call.db.get<{ build_tag: number }>(
    sql`SELECT build_target_config.build_tag FROM build_target
        JOIN build_target_config ON build_target_config.build_target_id = build_target.id
        WHERE build_target_config.active = TRUE AND ${condition}`,
  );
  return row?.build_tag ?? null;
}
