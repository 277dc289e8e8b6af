import { ParameterError, TASK_STATES } from '@koji/core';
import type {
  BuildTimes,
  DayCount,
  OwnCount,
  ReportMethods,
  TargetCount,
  TaskSpan,
  TimesBy,
} from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { mapInTurns } from '../db/in-turns.js';
import { anyOf, dayOf, epoch, floatAs, secondsBetween, sql } from '../db/sql.js';
import type { Sql } from '../db/sql.js';
import { atEvent } from '../domain/history/history.js';
import { archIs } from '../domain/tagging/tagging.js';
import { decodeRequest } from '../domain/task-records/task-records.js';
import { plain } from '../domain/values/repr.js';

/** Handlers of the methods that count things of everybody. */
export const reports: Handlers<ReportMethods> = {
  countPackagesByOwner: (_, call) =>
    call.db.all<OwnCount>(sql`SELECT users.id, users.name, count(*) AS count
      FROM tag_packages
      JOIN tag_package_owners ON tag_package_owners.tag_id = tag_packages.tag_id
        AND tag_package_owners.package_id = tag_packages.package_id
      JOIN users ON users.id = tag_package_owners.owner
      WHERE ${atEvent('tag_packages', null)} AND ${atEvent('tag_package_owners', null)}
      GROUP BY users.id, users.name ORDER BY users.id`),

  countRPMsByHost: ({ arches }, call) =>
    call.db.all<OwnCount>(sql`SELECT host.id, host.name, count(*) AS count
      FROM rpminfo
      JOIN standard_buildroot ON standard_buildroot.buildroot_id = rpminfo.buildroot_id
      JOIN host ON host.id = standard_buildroot.host_id
      WHERE ${arches === null ? sql`1 = 1` : archIs(arches, 'Invalid type for "arches" parameter')}
      GROUP BY host.id, host.name ORDER BY host.id`),

  countBuildsByOwner: ({ after }, call) =>
    countOwn(call, {
      from: sql`build JOIN events ON events.id = build.create_event JOIN users AS owner ON owner.id = build.owner`,
      condition: sql`events.time > ${momentOf(after)}`,
    }),

  countTasksByOwner: ({ after }, call) =>
    countOwn(call, {
      from: sql`task JOIN users AS owner ON owner.id = task.owner`,
      condition: sql`task.create_time > ${momentOf(after)}`,
    }),

  countTasksByHost: ({ after }, call) =>
    countOwn(call, {
      from: sql`task JOIN host AS owner ON owner.id = task.host_id`,
      condition: sql`task.create_time > ${momentOf(after)}`,
    }),

  async countBuildsByTarget({ after }, call) {
    const rows = await call.db.all<{ request: string }>(
      sql`SELECT request FROM task
          WHERE method = 'build' AND completion_time > ${momentOf(after)} AND request IS NOT NULL`,
    );
    const counts = new Map<string, number>();
    await mapInTurns(rows, ({ request }) => {
      const target = targetIn(request);
      if (typeof target === 'string') counts.set(target, (counts.get(target) ?? 0) + 1);
    });
    return [...counts].map(([name, count]): TargetCount => ({ name, count }));
  },

  countBuildsByDay: ({ after }, call) =>
    call.db.all<DayCount>(sql`SELECT ${dayOf(sql`completion_time`)} AS day, state, count(*) AS count
      FROM build WHERE completion_time > ${momentOf(after)} AND task_id IS NOT NULL
      GROUP BY ${dayOf(sql`completion_time`)}, state ORDER BY 1, 2`),

  measureBuilds({ by, after }, call) {
    const ofBy = by === 'package' || by === 'user' || by === 'host' ? measured[by] : null;
    if (!ofBy) throw new ParameterError(`by must be package, user or host, not ${plain(by)}`);
    return measure(call, ofBy, momentOf(after));
  },

  listTaskSpans: ({ after }, call) =>
    call.db.all<TaskSpan>(sql`SELECT channel_id, host_id, ${epoch('create_time', 'created')},
        ${epoch('start_time', 'start')}, ${epoch('completion_time', 'end')}, weight
      FROM task WHERE completion_time > ${momentOf(after)}
        OR ${anyOf(sql`state`, [TASK_STATES.FREE, TASK_STATES.OPEN, TASK_STATES.ASSIGNED])}`),
};

/** Both databases know the years from 1 on, and no time before 1970 concerns a report. */
const momentOf = (after: number): Date => new Date(Math.min(Math.max(after, 0), 253_402_300_799) * 1000);

/** Counts rows by their table `owner`. */
function countOwn(call: Call, { from, condition }: { from: Sql; condition: Sql }): Promise<OwnCount[]> {
  return call.db.all<OwnCount>(sql`SELECT owner.id, owner.name, count(*) AS count FROM ${from}
    WHERE ${condition} GROUP BY owner.id, owner.name ORDER BY owner.id`);
}

/** A source, then a target, as this hub and Koji store them. */
const plainTarget =
  /^[^]{0,200}<param>\s*<value><string>[^<]*<\/string><\/value>\s*<\/param>\s*<param>\s*<value><string>([^<&]*)<\/string>/;

/** Returns the target in the stored request of a build task, most of which need no decoding. */
function targetIn(request: string): unknown {
  return plainTarget.exec(request)?.[1] ?? decodeRequest(request)[1];
}

/** The objects that builds are grouped by: the tasks, and the table `owner` that they belong to. */
const measured: Readonly<Record<TimesBy, { readonly method: string; readonly owner: Sql }>> = {
  package: {
    method: 'build',
    owner: sql`JOIN build ON build.task_id = task.id JOIN package AS owner ON owner.id = build.pkg_id`,
  },
  user: { method: 'build', owner: sql`JOIN users AS owner ON owner.id = task.owner` },
  host: { method: 'buildArch', owner: sql`JOIN host AS owner ON owner.id = task.host_id` },
};

/** Numbers the tasks of each owner by how long they waited and ran, and takes those at the two places. */
function measure(
  call: Call,
  { method, owner }: { readonly method: string; readonly owner: Sql },
  after: Date,
): Promise<BuildTimes[]> {
  const place = (share: Sql): Sql =>
    sql`CASE WHEN FLOOR(total * ${share}) + 1 < total THEN FLOOR(total * ${share}) + 1 ELSE total END`;
  const at = (time: Sql, nth: Sql, share: Sql, name: string): Sql =>
    floatAs(
      sql`MAX(CASE WHEN ${nth} = ${place(share)} THEN CASE WHEN ${time} > 0 THEN ${time} ELSE 0 END END)`,
      name,
    );
  const [queue, queueNth, run, runNth] = [sql`queue`, sql`queue_nth`, sql`run`, sql`run_nth`];
  const [half, most] = [sql`0.5`, sql`0.95`];
  return call.db.all<BuildTimes>(sql`WITH took AS (
      SELECT owner.id, owner.name, ${secondsBetween(sql`task.create_time`, sql`task.start_time`)} AS queue,
        ${secondsBetween(sql`task.start_time`, sql`task.completion_time`)} AS run
      FROM task ${owner}
      WHERE task.method = ${method} AND task.completion_time > ${after} AND task.start_time IS NOT NULL),
    numbered AS (
      SELECT took.*, ROW_NUMBER() OVER (PARTITION BY id ORDER BY queue) AS queue_nth,
        ROW_NUMBER() OVER (PARTITION BY id ORDER BY run) AS run_nth, count(*) OVER (PARTITION BY id) AS total
      FROM took)
    SELECT id, name, count(*) AS count, ${at(queue, queueNth, half, 'queue50')}, ${at(queue, queueNth, most, 'queue95')},
      ${at(run, runNth, half, 'run50')}, ${at(run, runNth, most, 'run95')}
    FROM numbered GROUP BY id, name ORDER BY id`);
}
