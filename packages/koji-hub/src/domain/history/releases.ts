import { BUILD_STATES, BuildError, ParameterError } from '@koji/core';
import type { Call } from '../../call.js';
import { anyOf, sql } from '../../db/sql.js';
import { checkStruct, toInt } from '../values/convert.js';
import { plain, repr } from '../values/repr.js';

const counted = [BUILD_STATES.COMPLETE, BUILD_STATES.DELETED, BUILD_STATES.BUILDING];

/**
 * The release that follows the latest of a name and version, drafts left out; the step itself where there is none.
 *
 * @throws BuildError if the latest release can't be incremented
 */
export async function nextRelease(call: Call, build: unknown, given: unknown = 1): Promise<string> {
  const step = readStep(given);
  checkStruct(build);
  const { name, version } = build;
  if (name === undefined || version === undefined)
    throw new ParameterError(`getNextRelease(): no name or no version in ${repr(build)}`);
  const latest = await call.db.get<{ release: string }>(
    sql`SELECT build.release FROM build JOIN package ON package.id = build.pkg_id
        WHERE package.name = ${plain(name)} AND build.version = ${plain(version)}
          AND ${anyOf(sql`build.state`, counted)} AND NOT build.draft
        ORDER BY build.id DESC LIMIT 1`,
  );
  return latest?.release ? countUp(latest.release, step) : String(step);
}

function readStep(given: unknown): number {
  try {
    return toInt(given);
  } catch (cause) {
    throw new ParameterError('incr parameter must be an integer', { cause });
  }
}

/** `7` becomes `8`, `7.f40` becomes `8.f40`, `20260101.n.7` becomes `20260101.n.8`. */
function countUp(release: string, step: number): string {
  const parts = release.split('.');
  const place = [0, 0, 2][parts.length - 1];
  const number = place === undefined ? undefined : parts[place];
  if (place === undefined || number === undefined || !/^\d+$/.test(number))
    throw new BuildError(`Unable to increment release value: ${release}`);
  parts[place] = String(BigInt(number) + BigInt(step));
  return parts.join('.');
}
