/** How long code of a plugin may run: what its package.json asks for, what its administrator allows. */

/** Seconds that a plugin asks for, under `koji.limits` of its package.json; missing ones have the program's own limit. */
export interface PluginLimits {
  /** Of each callback. */
  readonly callbacks?: number;
  /** Of each method. */
  readonly methods?: number;
  /** Of each policy test. */
  readonly policyTests?: number;
  /** Of each run of a schedule. */
  readonly schedules?: number;
  /** Of each request to a route. */
  readonly routes?: number;
}

const kinds = ['callbacks', 'methods', 'policyTests', 'schedules', 'routes'] as const;

/** Parts of a plugin with a limit. */
export type LimitedKind = (typeof kinds)[number];

/** The administrator's limits, in seconds. */
export interface LimitRules {
  /** For plugins that ask for nothing. */
  readonly usual: number;
  /** The most that a plugin gets. */
  readonly most: number;
}

/** Reads `koji.limits` of a package.json; a text is a problem with it. */
export function readLimits(value: unknown): PluginLimits | string {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not an object';
  for (const [name, seconds] of Object.entries(value)) {
    if (!(kinds as readonly string[]).includes(name)) return `knows no "${name}", but ${kinds.join(', ')}`;
    if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= 86_400))
      return `has "${name}": ${JSON.stringify(seconds)}, which is no number of seconds up to a day`;
  }
  return value;
}

/** Milliseconds that a kind of code of a plugin may take. */
export function limitOf(limits: PluginLimits, kind: LimitedKind, { usual, most }: LimitRules): number {
  const asked = limits[kind];
  return (asked === undefined ? usual : Math.min(asked, Math.max(most, usual))) * 1000;
}

/** A line for each limit that a plugin has of its own, as an operator reads it. */
export function describeLimits(limits: PluginLimits, rules: LimitRules): string[] {
  return kinds.flatMap((kind) => {
    const asked = limits[kind];
    if (asked === undefined) return [];
    const granted = limitOf(limits, kind, rules) / 1000;
    const bounded = granted < asked ? `, though it asks for ${asked} s` : '';
    return [`${kind === 'policyTests' ? 'policy tests' : kind} may take ${granted} s${bounded}`];
  });
}
