import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkBlocks } from './support/code.js';
import { root } from './support/system.js';

const page = 'docs/plugins/migration.md';
const lines = readFileSync(path.join(root, page), 'utf8').split('\n');

/** A row of a table, with the code in its column for this Koji. */
interface Row {
  readonly line: number;
  readonly heading: string;
  /** The file that the table is shown from. */
  readonly from: string | null;
  readonly code: readonly string[];
}

function readRows(): Row[] {
  const rows: Row[] = [];
  let heading = '';
  let from: string | null = null;
  lines.forEach((line, i) => {
    if (line.startsWith('#')) heading = line;
    const mark = /^<!-- from: (\S+) -->$/.exec(line)?.[1];
    if (mark !== undefined) from = mark;
    else if (line !== '' && !line.startsWith('|')) from = null;
    if (!line.startsWith('|') || line.startsWith('| Python') || line.startsWith('| ---')) return;
    const [, , here = ''] = line.split(/(?<!\\)\|/);
    rows.push({ line: i + 1, heading, from, code: codeIn(here) });
    if (lines[i + 1] === '') from = null;
  });
  return rows;
}

const codeIn = (cell: string): string[] =>
  [...cell.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , code = '']) => code.trim().replaceAll('\\|', '|'));

const rows = readRows();

test('what a table sets beside a line of Python is in the example', () => {
  const shown = rows.flatMap(({ line, from, code }) =>
    from === null
      ? []
      : code.map((text) => ({ line, text, source: readFileSync(path.join(root, from), 'utf8') })),
  );
  expect(shown.length).toBeGreaterThan(15);
  expect(
    shown.filter(({ text, source }) => !source.includes(text)).map(({ line, text }) => ({ line, text })),
  ).toEqual([]);
});

const prelude = `
import * as sdk from '@koji/plugin-sdk';
import * as core from '@koji/core';
import * as rpm from '@koji/core/rpm';
import * as client from '@koji/client';
import * as buildroot from '@koji/builder/buildroot';
import * as scm from '@koji/builder/scm';
import * as files from 'node:fs/promises';
import * as crypto from 'node:crypto';
import type { Api } from '@koji/core/api';
declare const library: typeof sdk & typeof core & typeof rpm & typeof client & typeof buildroot & typeof scm & typeof files & typeof crypto;
declare const context: sdk.Context;
declare const task: sdk.BaseTaskHandler;
declare const tools: sdk.CliTools;
declare const session: sdk.HubSession;
declare const build: { readonly nvr: string };
declare function isMethod(name: keyof Api): void;
`;

/** Words in the pages' sentences that are not names of this Koji. */
const spoken = new Set([
  'handler',
  'session',
  'taskinfo',
  'Methods',
  'owner',
  'all',
  'waitrepo',
  '%(name)s',
  'return 1',
  'checkout',
  'f',
]);

/** Statements that compile when there is what a piece of code names: members, functions, and methods of the hub. */
function claimsOf(code: string): string[] {
  const members = [...code.matchAll(/\b(context|this|tools|session|build)((?:\.\w+)+)/g)]
    .filter(({ index }) => code[index - 1] !== '.')
    .map(([, owner = '', below]) => `void ${owner === 'this' ? 'task' : owner}${below};`);
  const methods = [...code.matchAll(/\.call(?:Unchecked)?\('([\w.]+)'/g)].map(
    ([, name]) => `isMethod('${name}');`,
  );
  const [, first = ''] = /^(?:await |new )?([A-Za-z_]\w*)/.exec(code) ?? [];
  const isOther = ['context', 'this', 'tools', 'session', 'build', 'f'].includes(first);
  return [...members, ...methods, ...(first === '' || isOther ? [] : [`void library.${first};`])];
}

test('every name that is offered for one of Python is there', () => {
  const claims = rows.filter(({ heading }) => heading.startsWith('## All names'));
  expect(claims.length).toBeGreaterThan(70);
  const blocks = claims.map(({ line, code }) => {
    const text = code.filter((one) => !spoken.has(one)).flatMap(claimsOf);
    return { page, line, kind: 'ts', text: text.join(' ') };
  });
  const broken = checkBlocks(blocks, new Map(blocks.map((block) => [block, prelude])));
  expect(broken).toEqual([]);
});
