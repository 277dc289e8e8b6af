/** Who may act for a content generator, and the builds that it has reserved. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { AuthError, BUILD_STATES, GenericError, checkNVR } from '@koji/core';
import type { Call } from '../../../call.js';
import { lookupName } from '../../values/lookup.js';
import type { IdAndName } from '../../values/lookup.js';
import { now, sql } from '../../../db/sql.js';
import { getBuild, newBuild } from '../../builds/builds.js';
import { truthy } from '../../values/convert.js';
import { plain } from '../../values/repr.js';

/**
 * A content generator that the caller may use.
 *
 * @throws AuthError when nobody is logged in, or the user may not
 */
export async function assertGenerator(call: Call, cg: unknown): Promise<IdAndName> {
  const found = await lookupName(call, 'content_generator', cg, { strict: true });
  if (!call.session.loggedIn) throw new AuthError('Not logged-in');
  const access = await call.db.get(
    sql`SELECT cg_id FROM cg_users WHERE active = TRUE AND cg_id = ${found.id} AND user_id = ${call.session.userId}`,
  );
  if (!access) throw new AuthError(`Content generator access required (${found.name})`);
  return found;
}

/** Creates a build in progress, which a content generator imports later with the token. */
export async function reserveBuild(
  call: Call,
  generator: unknown,
  data: Readonly<Record<string, unknown>>,
): Promise<{ build_id: number; token: string }> {
  const cg = await assertGenerator(call, generator);
  const { name, version, release, source = null, extra } = data;
  if (typeof version !== 'string' || typeof release !== 'string')
    throw new GenericError('version and release of the build must be texts');
  checkNVR({ version, release });
  if (source !== null && typeof source !== 'string')
    throw new GenericError('the source of the build must be text');
  const build_id = await newBuild(call, {
    name,
    version,
    release,
    epoch: data.epoch ?? null,
    draft: truthy(data.draft),
    extra,
    source,
    owner: call.session.userId,
    state: BUILD_STATES.BUILDING,
    completion_time: null,
    cg_id: cg.id,
  });
  const token = randomBytes(32).toString('hex');
  const added = await call.db.run(
    sql`INSERT INTO build_reservations (build_id, token, created) VALUES (${build_id}, ${token}, ${now})
        ON CONFLICT DO NOTHING`,
  );
  if (added === 0) throw new GenericError('Build is already reserved');
  return { build_id, token };
}

/** A reservation that is given up. */
export interface Refund {
  readonly build: unknown;
  readonly token: unknown;
  /** New state of the build: failed or canceled. */
  readonly state: unknown;
}

/** Gives a reserved build back; its name can be used again. */
export async function refundBuild(
  call: Call,
  generator: unknown,
  { build, token, state }: Refund,
): Promise<void> {
  if (state !== BUILD_STATES.FAILED && state !== BUILD_STATES.CANCELED)
    throw new GenericError('Only FAILED/CANCELED build states are allowed');
  const cg = await assertGenerator(call, generator);
  const info = await getBuild(call, build);
  const label = plain(build);
  if (info.state !== BUILD_STATES.BUILDING)
    throw new GenericError(`Build ID ${label} is not in BUILDING state`);
  await checkReservation(call, info.id, { token, label });
  if (info.cg_id !== cg.id) throw new GenericError(`Build ID ${label} is not reserved by this CG`);
  const change = { attribute: 'state', old: BUILD_STATES.BUILDING, new: state } as const;
  await call.runCallbacks('preBuildStateChange', { ...change, info });
  await call.db.run(sql`UPDATE build SET state = ${state}, completion_time = ${now} WHERE id = ${info.id}`);
  await call.runCallbacks('postBuildStateChange', { ...change, info: await getBuild(call, info.id) });
  await clearReservation(call, info.id);
}

/** @throws GenericError unless the build is reserved with this token. */
export async function checkReservation(
  call: Call,
  buildId: number,
  { token, label }: { token: unknown; label: string },
): Promise<void> {
  const found = await call.db.get<{ token: string | null }>(
    sql`SELECT token FROM build_reservations WHERE build_id = ${buildId}`,
  );
  if (!found?.token || typeof token !== 'string' || !isSame(found.token, token))
    throw new GenericError(`Token doesn't match build ID ${label}`);
}

function isSame(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Ends a reservation. */
export async function clearReservation(call: Call, buildId: number): Promise<void> {
  await call.db.run(sql`DELETE FROM build_reservations WHERE build_id = ${buildId}`);
}
