import { availableParallelism } from 'node:os';

/** Tests are TypeScript, transformed by SWC; they import a package's own source and other packages as they are built. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/packages', '<rootDir>/examples', '<rootDir>/test'],
  testMatch: ['**/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/fixtures/'],
  modulePathIgnorePatterns: ['<rootDir>/quickstart/', '/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', decorators: true }, target: 'es2022' },
        module: { type: 'es6' },
      },
    ],
  },
  // Most of the suite waits for processes that it started, so that two files share two cores well.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // A hang is what this catches, never a slow machine.
  testTimeout: 300_000,
};
