import { matchesAny } from '@koji/core/policy';
import { commaList } from './config.js';
import type { GcConfig } from './config.js';
import { parseDuration } from './durations.js';
import type { HubApi } from './hub-api.js';

/** Counter, by its name in the summary. */
export type Counted = 'trashed' | 'deleted' | 'salvaged' | 'untagged' | 'purged' | 'failed';

/** Says what happens. */
export interface Report {
  /** Begins a part. */
  part(title: string): void;
  line(text: string): void;
  /** A detail, printed only with `--verbose` or the option `debug`. */
  detail(text: string): void;
}

/** A run of the garbage collection. */
export interface Collection {
  readonly hub: HubApi;
  readonly config: GcConfig;
  /** Whether it changes anything; else it reports what it would do. */
  readonly acts: boolean;
  /** Epoch seconds. */
  readonly now: number;
  readonly report: Report;
  readonly counts: Map<Counted, number>;
  /** Tells an owner which of their builds go to the trashcan. */
  readonly notify: (owner: string, builds: readonly NamedBuild[]) => Promise<void>;
  readonly signatures: Signatures;
}

/** A build as reports name it. */
export interface NamedBuild {
  readonly id: number;
  readonly nvr: string;
}

export function count({ counts }: Collection, what: Counted): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Writes a deed as it is done, or as it would be. */
export function deed({ acts }: Pick<Collection, 'acts'>, done: string): string {
  return acts ? done : `would be ${done}`;
}

export const nvrOf = (build: { name: string; version: string; release: string }): string =>
  `${build.name}-${build.version}-${build.release}`;

/** Seconds of one of the times of a configuration, which were checked when it was read. */
export function seconds({ config }: Collection, name: 'delay' | 'grace_period'): number {
  return parseDuration(config.options[name]) ?? 0;
}

/** Whether packages of a name are looked at. */
export function wantsPackage({ config }: Collection, name: string): boolean {
  const patterns = commaList(config.options.pkg_filter);
  return patterns.length === 0 || matchesAny(name, patterns);
}

/** The keys by which rpms of builds are signed. */
export class Signatures {
  private readonly known = new Map<number, readonly string[]>();
  private readonly aliases: ReadonlyMap<string, string>;
  private readonly unprotected: readonly string[];

  constructor(
    private readonly hub: HubApi,
    { options }: GcConfig,
  ) {
    this.unprotected = options.unprotected_keys.split(/[\s,]+/).filter(Boolean);
    const lines = options.key_aliases.split('\n').map((line) => line.trim().split(/\s+/));
    this.aliases = new Map(
      lines.flatMap(([key, alias]) => (key && alias ? [[key.toUpperCase(), alias] as const] : [])),
    );
  }

  /** The keys of a build; one without rpms has none. With `fresh` they are asked for again. */
  async of(buildId: number, { fresh = false } = {}): Promise<readonly string[]> {
    const known = fresh ? undefined : this.known.get(buildId);
    if (known) return known;
    const rpms = await this.hub.call<{ id: number }[]>('listRPMs', [], { buildID: buildId });
    const answers = await this.hub.callAll<{ sigkey: string }[]>(
      rpms.map(({ id }) => ({ method: 'queryRPMSigs', named: { rpm_id: id } })),
    );
    const keys = new Set<string>();
    for (const answer of answers) {
      // An unknown state must not look like unsigned.
      if ('fault' in answer)
        throw new Error(`the signatures of build ${buildId} can't be read: ${answer.fault}`);
      for (const { sigkey } of answer.value) if (sigkey !== '') keys.add(sigkey);
    }
    const found = [...keys];
    this.known.set(buildId, found);
    return found;
  }

  /** Whether a key, or its other name, fits one of the patterns. */
  fits(key: string, patterns: readonly string[]): boolean {
    const alias = this.aliases.get(key.toUpperCase());
    return matchesAny(key, patterns) || (alias !== undefined && matchesAny(alias, patterns));
  }

  /** The first of the keys that protects a build from being deleted; null when none does. */
  protecting(keys: readonly string[]): string | null {
    return keys.find((key) => !this.fits(key, this.unprotected)) ?? null;
  }
}
