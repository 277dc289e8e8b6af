import { availableParallelism } from 'node:os';

/** Tests are TypeScript, transformed by SWC; they import a package's own source and other packages as they are built. */
export default {
  testEnvironment: '<rootDir>/scripts/jest/environment.mjs',
  roots: ['<rootDir>/packages', '<rootDir>/examples', '<rootDir>/test'],
  testMatch: ['**/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/fixtures/'],
  modulePathIgnorePatterns: ['<rootDir>/quickstart/', '/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // Big ones that know nothing of the tests.
    '^fast-check$': '<rootDir>/scripts/jest/fast-check.mjs',
    '^(pg|typeorm|undici|winston)$': '<rootDir>/scripts/jest/outside/$1.cjs',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', decorators: true }, target: 'es2022' },
        module: { type: 'es6' },
      },
    ],
  },
  testSequencer: '<rootDir>/scripts/jest/sequencer.mjs',
  reporters: ['default', '<rootDir>/scripts/jest/slowest.mjs'],
  // Most of the suite waits, for processes and polls, so that three files share two cores well.
  maxWorkers: availableParallelism() + 1,
  // A new worker of jest costs more than a second until it has loaded what `outside` keeps, and scripts/jest/free-modules.mjs
  // keeps them small: this is only for what else may be left behind.
  workerIdleMemoryLimit: 400_000_000,
  // Catches hangs, never slow machines: on one with ten times as much work as processors, a minute becomes ten.
  testTimeout: 1_200_000,
};
