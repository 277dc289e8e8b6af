/** Garbage collection, as Koji's koji-gc does it: prunes tags, puts unused builds in the trashcan, and deletes them from there. */
import { ConfigError, GenericError } from '@koji/core';
import { effectWarnings } from '@koji/core/config';
import type { HubConfig } from '@koji/core/config';
import { Signatures } from './collection.js';
import type { Collection, Counted, Report } from './collection.js';
import { gcOptions, readGcConfig } from './config.js';
import type { GcConfig } from './config.js';
import { deleteTrash } from './delete.js';
import { openHubSession } from './hub-api.js';
import type { HubApi } from './hub-api.js';
import { openNotices } from './mail.js';
import { prune, readPrunePolicy } from './prune.js';
import { trash } from './trash.js';

const steps = {
  delete: (collection: Collection) => deleteTrash(collection),
  prune,
  trash,
  salvage: (collection: Collection) => deleteTrash(collection, { salvageOnly: true }),
} as const;

type Step = keyof typeof steps;

/** The default actions, in this order. */
const usualSteps: readonly Step[] = ['delete', 'prune', 'trash'];

/** Options of a run besides its configuration. */
export interface GcRun {
  readonly config: GcConfig;
  readonly hubConfig: HubConfig;
  /** Names of steps; none are the usual ones. */
  readonly actions: readonly string[];
  /** Changes things; else the run reports what it would do. */
  readonly apply: boolean;
  readonly print: (line: string) => void;
  /** Epoch seconds; the clock's unless given. */
  readonly now?: number;
}

/**
 * Collects garbage of a hub.
 *
 * @returns how many things failed, each of which is in the report
 * @throws ConfigError for an invalid configuration, GenericError if there is no trashcan
 */
export async function collectGarbage(hub: HubApi, run: GcRun): Promise<number> {
  const { config, hubConfig, actions, apply, print } = run;
  const chosen = actions.length > 0 ? actions.map(asStep) : usualSteps;
  if (config.policy !== null) readPrunePolicy(config.policy);
  const acts = apply && !config.options.test;
  const notices = await openNotices({ config, hubConfig, acts, line: (text) => print(`  ${text}`) });
  const { trashcan_tag: trashcan } = config.options;
  if ((await hub.call('getTag', [trashcan])) === null)
    throw new GenericError(`the trashcan is missing: make it by koji add-tag ${trashcan}`);
  const counts = new Map<Counted, number>();
  const collection: Collection = {
    hub,
    config,
    acts,
    now: run.now ?? Date.now() / 1000,
    report: reportTo(print, config),
    counts,
    notify: (owner, builds) => notices.send(owner, builds),
    signatures: new Signatures(hub, config),
  };
  if (!acts)
    print(
      apply
        ? `test = yes in ${config.file ?? 'koji-gc.conf'}: nothing is changed`
        : 'a dry run: nothing is changed without --apply',
    );
  for (const step of chosen) await steps[step](collection);
  print(`== ${summary(counts, acts)}`);
  return counts.get('failed') ?? 0;
}

function asStep(name: string): Step {
  if (!Object.hasOwn(steps, name))
    throw new ConfigError(`'${name}' is no action: there are ${Object.keys(steps).join(', ')}`);
  return name as Step;
}

function reportTo(print: (line: string) => void, { options }: GcConfig): Report {
  return {
    part: (title) => print(`== ${title}`),
    line: (text) => print(`  ${text}`),
    detail: (text) => {
      if (options.debug) print(`  ${text}`);
    },
  };
}

function summary(counts: ReadonlyMap<Counted, number>, acts: boolean): string {
  const parts = [...counts].map(
    ([what, number]) => `${what === 'failed' || acts ? '' : 'would be '}${what}: ${number}`,
  );
  return parts.length === 0 ? 'nothing to do' : parts.join(', ');
}

/** How the command was called. */
export interface GcArguments {
  readonly file: string | undefined;
  readonly user: string | undefined;
  readonly actions: readonly string[];
  readonly apply: boolean;
  readonly purge: boolean;
  readonly noMail: boolean;
  readonly verbose: boolean;
}

/** Runs `koji-hub gc` at the hub with a configuration. Returns the number of failures. */
export async function runGc(
  hubConfig: HubConfig,
  { file, user, actions, apply, purge, noMail, verbose }: GcArguments,
  print: (line: string) => void,
): Promise<number> {
  const read = readGcConfig(hubConfig, file);
  const options = {
    ...read.options,
    purge: read.options.purge || purge,
    mail: read.options.mail && !noMail,
    debug: read.options.debug || verbose,
  };
  const place = { file: read.file ?? 'koji-gc.conf', section: 'main' };
  for (const warning of effectWarnings(gcOptions, read.options, place)) print(`warning: ${warning}`);
  const name = user ?? options.user;
  if (name === null)
    throw new ConfigError('gc: name the user to work as by user in koji-gc.conf, or by --user');
  const session = await openHubSession(hubConfig, name);
  try {
    return await collectGarbage(session.api, {
      config: { ...read, options },
      hubConfig,
      actions,
      apply,
      print,
    });
  } finally {
    await session.close();
  }
}
