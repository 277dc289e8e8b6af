import { readFileSync } from 'node:fs';
import path from 'node:path';
import { api } from '@koji/core/api';
import { callbackNames } from '@koji/plugin-sdk';
import { ElsewhereTask } from '../packages/koji-builder/src/tasks/elsewhere.js';
import { builtInCommands } from '../packages/koji-client/src/cli/commands/index.js';
import { root } from './support/system.js';

const states = new Map(
  readFileSync(path.join(root, 'README.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, part, state] = /^\| (.+?) +\| (.+?) +\|$/.exec(line) ?? [];
      return part === undefined || state === undefined ? [] : [[part, state] as const];
    }),
);
const numberIn = (part: string): number => Number(/\d+/.exec(states.get(part) ?? '')?.[0]);

test('the table of what works is true', () => {
  const koji = Object.values(api).filter(({ doc }) => !doc.endsWith('Not in Koji.'));
  expect(numberIn('API of the hub')).toBe(koji.length);
  expect(numberIn('plugin callbacks')).toBe(callbackNames.length);
  expect(numberIn('`koji` command')).toBe(builtInCommands.filter((command) => !command.extra).length);
  const names = states.get('task types left out')?.match(/(?<=`)\w+(?=`)/g) ?? [];
  expect([...names].sort()).toEqual([...ElsewhereTask.Methods].sort());
});
