import { setTimeout as sleep } from 'node:timers/promises';
import { ActionNotAllowed, GenericError, ParameterError, faultFromWire } from '@koji/core';
import { double, named } from '@koji/core/wire';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools, HubSession } from '@koji/plugin-sdk';
import type { NewSideTag } from './index.js';

/** `koji add-sidetag`: makes a side tag and prints its name. */
export const handle_add_sidetag = exportCli({
  help: 'Create sidetag',
  usage: '[options] <basetag>',
  options: {
    quiet: { flags: ['-q', '--quiet'], action: 'true', help: 'Do not print tag name' },
    wait: { flags: ['-w', '--wait'], action: 'true', help: 'Wait until repo is ready.' },
    debuginfo: { flags: ['--debuginfo'], action: 'true', help: 'Buildroot repo will contain debuginfos' },
    suffix: { flags: ['--suffix'], help: 'Suffix from hub-supported ones' },
  },
})(async (settings, session, args, tools) => {
  const { quiet = settings.quiet, wait, debuginfo, suffix } = tools.options;
  const [basetag, ...more] = args;
  if (basetag === undefined || more.length > 0) return tools.usageError('Only argument is basetag');
  const tag = await create(session, { basetag, debuginfo: debuginfo ?? null, suffix }, tools);
  if (!quiet) tools.print(tag.name);
  if (wait)
    await waitForRepo(session, tag, (line) => {
      if (!quiet) tools.print(line);
    });
});

interface Wanted {
  readonly basetag: string;
  readonly debuginfo: boolean | null;
  readonly suffix: string | undefined;
}

async function create(
  session: HubSession,
  { basetag, debuginfo, suffix }: Wanted,
  tools: CliTools,
): Promise<NewSideTag> {
  try {
    return await session.createSideTag(basetag, named({ debuginfo, ...(suffix ? { suffix } : {}) }));
  } catch (error) {
    if (error instanceof ActionNotAllowed) return tools.usageError('Policy violation');
    if (error instanceof ParameterError && error.message.includes('suffix'))
      return tools.usageError("Hub is older and doesn't support --suffix, please run it without it");
    throw error;
  }
}

async function waitForRepo(session: HubSession, tag: NewSideTag, say: (line: string) => void): Promise<void> {
  const started = Date.now();
  let { repo, request } = await session.repo.request(tag.id);
  while (!repo) {
    if (!request?.active) throw new GenericError(`the request for a repo of ${tag.name} was not met`);
    await sleep(5000);
    ({ repo, request } = await session.repo.checkRequest(request.id));
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  say(`Successfully waited ${time} for a new ${tag.name} repo`);
}

/** `koji remove-sidetag`: removes side tags, all that it can. */
export const handle_remove_sidetag = exportCli({
  help: 'Remove sidetag',
  usage: '[options] <sidetag> ...',
  options: {},
})(async (_settings, session, args, tools) => {
  if (args.length === 0) tools.usageError('Sidetag argument is required');
  const calls = args.map((sidetag) => ({ methodName: 'removeSideTag', params: [sidetag] }));
  for (const answer of await session.multiCall(calls))
    if ('faultCode' in answer) throw faultFromWire(answer.faultCode, answer.faultString);
});

/** `koji list-sidetags`: prints the names of side tags. */
export const anon_handle_list_sidetags = exportCli({
  help: 'List sidetags',
  usage: '[options]',
  options: {
    basetag: { flags: ['--basetag'], help: 'Filter on basetag' },
    user: { flags: ['--user'], help: 'Filter on user' },
    mine: { flags: ['--mine'], action: 'true', help: 'Filter on user' },
  },
})(async (_settings, session, args, tools) => {
  const { basetag = null, mine, user = null } = tools.options;
  if (args.length > 0) tools.usageError('This command takes no arguments');
  if (mine && user) tools.usageError('Specify only one from --user --mine');
  if (mine) await tools.login();
  const owner = mine ? ((await session.getLoggedInUser())?.name ?? null) : user;
  const tags = await session.listSideTags(named({ basetag, user: owner }));
  for (const { name } of tags) tools.print(name);
});

/** `koji edit-sidetag`: changes debuginfo and rpm macros of a side tag. */
export const handle_edit_sidetag = exportCli({
  help: 'Edit sidetag',
  usage: '[options] <sidetag>',
  options: {
    debuginfo: [
      { flags: ['--debuginfo'], action: 'true', help: 'Generate debuginfo repository' },
      { flags: ['--no-debuginfo'], action: 'false', help: '' },
    ],
    macros: {
      flags: ['--rpm-macro'],
      action: 'list',
      metavar: 'key=value',
      help: 'Set tag-specific rpm macros',
    },
    removed: { flags: ['--remove-rpm-macro'], action: 'list', metavar: 'key', help: 'Remove rpm macros' },
  },
})(async (_settings, session, args, tools) => {
  const [sidetag, ...more] = args;
  if (sidetag === undefined || more.length > 0) return tools.usageError('Only argument is sidetag');
  const { debuginfo, macros, removed } = tools.options;
  if (debuginfo === undefined && macros.length === 0 && removed.length === 0)
    tools.usageError('At least one option needs to be specified');
  const changes = named({
    ...(debuginfo === undefined ? {} : { debuginfo }),
    ...(macros.length > 0 ? { rpm_macros: Object.fromEntries(macros.map(readMacro)) } : {}),
    ...(removed.length > 0 ? { remove_rpm_macros: removed } : {}),
  });
  await session.editSideTag(sidetag, changes);
});

function readMacro(given: string): [string, unknown] {
  const equals = given.indexOf('=');
  if (equals === -1) throw new GenericError(`--rpm-macro ${given}: write key=value`);
  return [given.slice(0, equals), readValue(given.slice(equals + 1))];
}

/** A value as the `koji` command reads them: numbers, True, False and None are what they say, the rest is text. */
function readValue(text: string): unknown {
  const words = new Map<string, unknown>([
    ['True', true],
    ['False', false],
    ['None', null],
  ]);
  if (words.has(text)) return words.get(text);
  if (/^\s*[+-]?\d+\s*$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  if (/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text)) return double(Number(text));
  return text;
}
