import { repr } from '@koji/core';
import type { TaggedRpm } from '@koji/core/api';

/** An rpm of a repo for distribution, with the key that its copy is signed with; null for the one as it was built. */
export type ChosenRpm = TaggedRpm & { readonly sigkey: string | null; readonly best_key?: string };

/** An rpm that has none of the wanted signatures. */
export interface UnsignedRpm {
  readonly rpm: ChosenRpm;
  /** The keys that it is signed with; one of them is empty when it has a header without a signature. */
  readonly keys: readonly string[];
}

/**
 * Chooses for each rpm the signature that comes first among the wanted keys.
 *
 * @param rpms a row for each signature of each rpm
 * @param keys the wanted keys, the best one first, in any case
 */
export function planDistRpms(
  rpms: readonly TaggedRpm[],
  keys: readonly string[],
): { readonly chosen: readonly ChosenRpm[]; readonly unsigned: readonly UnsignedRpm[] } {
  const wanted = keys.map((key) => key.toLowerCase());
  const byId = new Map<number, Map<string, TaggedRpm>>();
  for (const rpm of rpms) {
    const signatures = byId.get(rpm.id) ?? new Map<string, TaggedRpm>();
    byId.set(rpm.id, signatures.set(rpm.sigkey ?? '', rpm));
  }
  const chosen: ChosenRpm[] = [];
  const unsigned: UnsignedRpm[] = [];
  for (const signatures of byId.values()) {
    const [best] = [...signatures.keys()]
      .map((key) => ({ key, rank: wanted.indexOf(key.toLowerCase()) }))
      .filter(({ rank }) => rank !== -1)
      .sort((a, b) => a.rank - b.rank);
    const [any] = signatures.values();
    const signed = best && signatures.get(best.key);
    if (signed) chosen.push({ ...signed, sigkey: best.key, best_key: best.key });
    else if (any) unsigned.push({ rpm: { ...any, sigkey: null }, keys: [...signatures.keys()] });
  }
  return { chosen, unsigned };
}

/** Returns the text of `missing_signatures.log`. */
export function missingSignatures(
  unsigned: readonly UnsignedRpm[],
  keys: readonly string[],
  areSkipped: boolean,
): string {
  const lines = unsigned
    .map(({ rpm, keys: own }) => `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}: ${repr([...own])}\n`)
    .sort();
  const skipped = 'The skip_missing_signatures option was specified, so these files were excluded.\n';
  const wanted = repr(keys.map((key) => key.toLowerCase()));
  return [
    'Some rpms were missing requested signatures.\n',
    areSkipped ? skipped : '',
    `Requested keys: ${wanted}\n\n# RPM name: available keys\n`,
    ...lines,
  ].join('');
}
