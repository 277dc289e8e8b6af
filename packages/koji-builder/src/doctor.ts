import type { KojidOptions } from '@koji/core/config';
import { backendNames, type BackendName } from './buildroot/backend.js';
import { usableBackend } from './buildroot/backends.js';
import { needsOf, type Need } from './buildroot/needs.js';
import { lacksTools, type ImageTool } from './tasks/images/python.js';
import { lacksTemplates } from './tasks/spec-template.js';

/** Available and missing requirements for buildroots on a builder. */
export interface DoctorReport {
  /** The value of `buildroot_backend`. */
  readonly asked: KojidOptions['buildroot_backend'];
  /** The back end for tasks; null if none works. */
  readonly chosen: BackendName | null;
  /** Why no back end works; null if one does. */
  readonly problem: string | null;
  readonly backends: Readonly<Record<BackendName, readonly Need[]>>;
  /** Missing requirements of tasks that need more than a buildroot, by method; null for none. */
  readonly tasks: Readonly<Record<string, string | null>>;
}

/** Checks everything that each back end needs. */
export async function examineHost(options: KojidOptions): Promise<DoctorReport> {
  const { name = null, problem = null } = await usableBackend(options);
  const found: [string, readonly Need[]][] = [];
  for (const backend of backendNames) found.push([backend, await needsOf(backend, options)]);
  return {
    asked: options.buildroot_backend,
    chosen: name,
    problem,
    backends: Object.fromEntries(found) as Record<BackendName, readonly Need[]>,
    tasks: await examineTasks(options),
  };
}

const imageTasks: Readonly<Record<string, readonly ImageTool[]>> = {
  'image, createImage': ['ImageFactory', 'oz', 'pykickstart'],
  indirectionimage: ['ImageFactory', 'oz'],
  'livecd, livemedia, appliance': ['pykickstart'],
};

async function examineTasks(options: KojidOptions): Promise<DoctorReport['tasks']> {
  const lacking = Object.entries(imageTasks).map(
    async ([methods, tools]) => [methods, await lacksTools(options, tools)] as const,
  );
  return { wrapperRPM: await lacksTemplates(options), ...Object.fromEntries(await Promise.all(lacking)) };
}

/**
 * The report as an operator reads it.
 *
 * @param problemsOnly leaves out what works, and back ends that this builder does not use
 */
export function describeHost(report: DoctorReport, problemsOnly: boolean): string[] {
  const { asked, chosen, problem, backends, tasks } = report;
  const about = Object.entries(backends).filter(([name]) => !problemsOnly || concerns(name, report));
  return [
    ...(problemsOnly
      ? []
      : [`buildroots are made by: ${chosen ?? 'nothing'} (buildroot_backend = ${asked})`]),
    ...(problem === null ? [] : [`PROBLEM ${problem}`]),
    ...about.flatMap(([name, needs]) => [
      ...(problemsOnly ? [] : [`${name}: ${needs.some(isBroken) ? 'does not work here' : 'works here'}`]),
      ...needs.flatMap((need) => lineOf(need, problemsOnly ? `${name}: ` : '  ')),
    ]),
    // Other builders take these tasks, so this is no problem of the builder.
    ...(problemsOnly
      ? []
      : ['tasks that need more than a buildroot:', ...Object.entries(tasks).map(taskLine)]),
  ].filter((line) => !problemsOnly || !line.includes('  ok  '));
}

function taskLine([methods, lacking]: readonly [string, string | null]): string {
  return lacking === null ? `   ok  ${methods}` : `  refused here: ${methods}, for want of ${lacking}`;
}

function concerns(name: string, { asked, chosen }: DoctorReport): boolean {
  return name === (chosen ?? asked) || (chosen === null && asked === 'auto' && name !== 'host');
}

const isBroken = (need: Need): boolean => need.problem !== null && !need.isOptional;

function lineOf({ what, problem, remedy, isOptional }: Need, before: string): string[] {
  if (problem === null) return [`${before}  ok  ${what}`.replace(/^  {2}/, '  ')];
  return [`${before}${isOptional ? 'WARNING' : 'MISSING'} ${what}: ${problem}. ${remedy}`];
}
