import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ClientSession } from '@koji/client';
import { AuthError } from '@koji/core';
import { api } from '@koji/core/api';
import { hubOptions, webOptions } from '@koji/core/config';
import { callbackNames } from '@koji/plugin-sdk';
import { ElsewhereTask } from '../packages/koji-builder/src/tasks/elsewhere.js';
import { builtIn } from '../packages/koji-builder/src/tasks/index.js';
import { builtInCommands } from '../packages/koji-client/src/cli/commands/index.js';
import { System, program, root } from './support/system.js';

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const table = readme.slice(readme.indexOf('## What works'), readme.indexOf('Unsupported features'));
const states = new Map(
  [...table.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm)]
    .map(([, part = '', state = '']) => [part, state] as const)
    .filter(([part]) => part !== 'part' && !part.startsWith('---')),
);

/** The words in code of a row that have nothing but these characters. */
const namesIn = (state: string, characters: RegExp): string[] =>
  [...state.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).filter((name) => characters.test(name));
const numberIn = (state: string): number => Number(/\d+/.exec(state)?.[0]);
const taskTypes = (state: string): string[] => namesIn(state, /^\w+$/);
const left = new Set(ElsewhereTask.Methods);
const tasks = new Set(builtIn.flatMap(({ Methods }) => Methods).filter((name) => !left.has(name)));
const hubCommands = (state: string): string[] =>
  namesIn(state, /^(koji-hub )?[a-z]+$/).map((name) => name.replace('koji-hub ', ''));

let system: System;
beforeAll(async () => {
  system = await System.create();
  await system.startHub();
});
afterAll(() => system.stop());

const statusOf = async (place: string): Promise<number> => (await fetch(new URL(place, system.url))).status;

/** The usage of koji-hub has a line for each command. */
function checkHubCommands(state: string): void {
  const usage = execFileSync(process.execPath, [program('koji-hub'), '--help'], { encoding: 'utf8' });
  const commands = hubCommands(state);
  expect(commands.length).toBeGreaterThan(0);
  for (const name of commands) expect(usage).toMatch(new RegExp(`^ +${name}\\b`, 'm'));
}

/** Checks that each row is true; gets the text of the row. */
const checks: Readonly<Record<string, (state: string) => unknown>> = {
  'API of the hub': (state) =>
    expect(numberIn(state)).toBe(
      Object.values(api).filter(({ doc }) => !doc.endsWith('Not in Koji.')).length,
    ),
  'plugin callbacks': (state) => expect(numberIn(state)).toBe(callbackNames.length),
  '`koji` command': (state) => {
    expect(numberIn(state)).toBe(builtInCommands.filter((command) => !command.extra).length);
    const extra = builtInCommands.filter((command) => command.extra).map(({ name }) => name);
    const [, others = ''] = state.split('plugins;');
    expect(extra).toEqual(expect.arrayContaining(namesIn(others, /./)));
  },
  'package builds': (state) => expect([...tasks]).toEqual(expect.arrayContaining(taskTypes(state))),
  'image builds': (state) => expect([...tasks]).toEqual(expect.arrayContaining(taskTypes(state))),
  'task types left out': (state) => expect(taskTypes(state).sort()).toEqual([...left].sort()),
  repositories: (state) => expect(state).toContain(`RepoManager = ${hubOptions.RepoManager.default}\``),
  'garbage collection': checkHubCommands,
  'backup and repair': checkHubCommands,
  'taking over a Koji': checkHubCommands,
  'running it': (state) => {
    const pages = [...state.matchAll(/\]\(([^)]+)\)/g)].map(([, page = '']) => page);
    expect(pages.filter((page) => !existsSync(path.join(root, page)))).toEqual([]);
  },
  'watching it': async (state) => {
    const places = namesIn(state, /^\//);
    expect(await Promise.all(places.map(statusOf))).toEqual(places.map(() => 200));
  },
  'JSON-RPC 2.0': async (state) => {
    const [place = ''] = namesIn(state, /^\//);
    const document = (await (await fetch(new URL(place, system.url))).json()) as {
      methods: { name: string }[];
    };
    const described = new Set(document.methods.map(({ name }) => name));
    // A batch is what JSON-RPC has in the place of these.
    const others = ['multiCall', 'system.multicall'];
    expect(Object.keys(api).filter((name) => !described.has(name))).toEqual(others);
  },
  databases: () => {
    expect(hubOptions.Database.doc).toMatch(/or sqlite:koji.db if none is set$/);
    expect(hubOptions.Workers.doc).toMatch(/more than one needs PostgreSQL$/);
  },
  logins: async (state) => {
    expect(state).toMatch(/^passwords, certificates, Kerberos /);
    expect([hubOptions.TLSClientCA.doc, hubOptions.GSSAPIKeytab.doc].join()).not.toContain('No effect');
    const session = new ClientSession(system.url);
    await expect(session.call('sslLogin', [])).rejects.toThrow(AuthError);
    await session.login('kojiadmin', 'secret');
    await session.logout();
    expect(Object.values(webOptions).some(({ doc }) => doc.includes('OpenID Connect provider'))).toBe(true);
  },
  'web pages': async (state) => {
    const [place = ''] = namesIn(state, /^\//);
    expect(await statusOf(`${place}/login`)).toBe(200);
    expect(await statusOf(place)).toBe(200);
  },
};

test('every row of the table of what works has a check', () => {
  expect([...states.keys()].sort()).toEqual(Object.keys(checks).sort());
});

test.each(Object.entries(checks))('the table of what works is true: %s', async (part, check) => {
  await check(states.get(part) ?? '');
});
