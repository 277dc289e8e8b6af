/** The command `koji-hub adopt`: its options, its question and what it prints. */
import { createInterface } from 'node:readline/promises';
import { ConfigError } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import { adopt } from './adopt.js';
import { reportOptions } from './config-report.js';
import { verify } from './verify.js';

/** Options of the command line. */
export interface AdoptArguments {
  readonly from: string | undefined;
  readonly dryRun: boolean;
  readonly inPlace: boolean;
  readonly restart: boolean;
  readonly live: boolean;
  readonly yes: boolean;
  readonly verify: boolean;
  /** Two urls, or none. */
  readonly hub: readonly string[];
  readonly sample: number;
  readonly json: boolean;
  readonly report: boolean;
  readonly files: readonly string[];
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Runs the command.
 *
 * @param config finds hub.conf, which a report does without
 * @returns whether all is well: adopted, or nothing differs
 */
export async function runAdopt(config: () => HubConfig, given: AdoptArguments): Promise<boolean> {
  if (given.report) return report(given);
  return given.verify ? compare(config(), given) : takeOver(config(), given);
}

function takeOver(config: HubConfig, { yes, ...given }: AdoptArguments): Promise<boolean> {
  const confirm = async (): Promise<boolean> => {
    if (yes) return true;
    if (!process.stdin.isTTY)
      throw new ConfigError('adopt: no terminal to ask on: look at the plan by --dry-run, then add --yes');
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await terminal.question('Go on? [y/N] ')).trim());
    } finally {
      terminal.close();
    }
  };
  return adopt(config, { ...given, confirm, tell: print });
}

async function compare(config: HubConfig, { from, hub, sample, json }: AdoptArguments): Promise<boolean> {
  if (from === undefined)
    throw new ConfigError("adopt --verify: name Koji's database by --from, as for the adoption");
  const [theirs, ours] = hub;
  const hubs = theirs !== undefined && ours !== undefined ? ([theirs, ours] as const) : null;
  const lines: string[] = [];
  const tell = (line: string): void => (json ? void lines.push(line) : print(line));
  const summary = await verify(config, { from, hubs, sample, tell });
  const { tables, rows, answers, differences } = summary;
  if (json) print(JSON.stringify({ differences: lines, summary }, null, 2));
  else print(`compared ${tables} tables, ${rows} rows and ${answers} answers: ${differences} differ`);
  return differences === 0;
}

function report({ files, json }: AdoptArguments): boolean {
  const { read, findings } = reportOptions(files);
  if (json) print(JSON.stringify(findings, null, 2));
  else {
    for (const { file, section, option, finding } of findings)
      print(`${file} [${section}] ${option} ${finding}`);
    print(`${read} options, ${findings.length} to look at`);
  }
  return true;
}
