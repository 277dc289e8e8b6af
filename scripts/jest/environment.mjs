// The environment of the tests: Node.js as jest has it, and a door to the modules of scripts/jest/outside.
import { createRequire } from 'node:module';
import { TestEnvironment } from 'jest-environment-node';

export default class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    // Loaded once for each worker of jest, and not again in the world of each test file.
    this.global[Symbol.for('koji.outside')] = (from, name) => createRequire(from)(name);
  }
}
