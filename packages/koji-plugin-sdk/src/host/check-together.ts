import type { LoadedPlugin } from './collect.js';
import type { PluginProblem } from './problems.js';

interface Claim {
  readonly plugin: LoadedPlugin;
  /** Kind and name: `method mymethod`. */
  readonly thing: string;
}

/** Problems that plugins have with each other or with what is built in: names claimed twice. */
export function checkTogether(
  plugins: readonly LoadedPlugin[],
  taken: {
    readonly methods?: Iterable<string>;
    readonly commands?: Iterable<string>;
    readonly policyTests?: Iterable<string>;
    readonly webPages?: Iterable<string>;
  } = {},
): PluginProblem[] {
  const builtIn = new Set([
    ...[...(taken.methods ?? [])].map((name) => `method ${name}`),
    ...[...(taken.commands ?? [])].map((name) => `command ${name}`),
    ...[...(taken.policyTests ?? [])].map((name) => `policy test ${name}`),
    ...[...(taken.webPages ?? [])].map((name) => `web page ${name}`),
  ]);
  const byThing = new Map<string, Claim[]>();
  for (const claim of plugins.flatMap(claims))
    byThing.set(claim.thing, [...(byThing.get(claim.thing) ?? []), claim]);
  const problems: PluginProblem[] = [];
  for (const [thing, claimants] of byThing) {
    if (builtIn.has(thing))
      claimants.forEach(({ plugin }) => problems.push(clash(plugin, thing, "Koji's own")));
    else if (claimants.length > 1)
      for (const { plugin } of claimants) {
        const others = claimants.filter((claim) => claim.plugin !== plugin).map((claim) => claim.plugin.file);
        problems.push(clash(plugin, thing, others.length > 0 ? others.join(' and ') : 'itself, once more'));
      }
  }
  return problems;
}

function claims(plugin: LoadedPlugin): Claim[] {
  return [
    ...plugin.methods.map(({ name }) => `method ${name}`),
    ...plugin.tasks.flatMap(({ methods }) => methods.map((name) => `task method ${name}`)),
    ...plugin.commands.map(({ name }) => `command ${name}`),
    ...plugin.policyTests.map(({ name }) => `policy test ${name}`),
    ...plugin.webPages.map(({ name }) => `web page ${name}`),
    ...plugin.outboxes.map(({ name }) => `outbox ${name}`),
    ...plugin.tables.map(() => `tables of ${plugin.name}`),
    ...plugin.routes.map(({ name }) => `route ${name} of ${plugin.name}`),
    ...plugin.schedules.map(({ name }) => `schedule ${name} of ${plugin.name}`),
  ].map((thing) => ({ plugin, thing }));
}

function clash({ name, file }: LoadedPlugin, thing: string, other: string): PluginProblem {
  return {
    plugin: name,
    file,
    problem: `brings the ${thing}, which is also brought by ${other}`,
    remedy: 'use one of them, or give one another name (exportAs, exportIn)',
    topic: 'duplicate-name',
  };
}
