// The environment of the tests: jest's environment for Node.js, with access to the modules of scripts/jest/outside. Records the
// processor time of each test file, for the reporter.
import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TestEnvironment } from 'jest-environment-node';
import { processorFile } from '../test-seconds.mjs';
import { freeModules } from './free-modules.mjs';
// After free-modules.mjs, whose class of modules it makes.
import './compile-cache.mjs';
import { freeStorages } from './free-storages.mjs';

export default class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.file = context.testPath;
    this.before = processorSeconds();
    // Loaded once for each worker of jest, and not again in the world of each test file.
    this.global[Symbol.for('koji.outside')] = (from, name) => createRequire(from)(name);
  }

  /** Prints the processor time of each test and hook with KOJI_TEST_PROCESSOR=1. */
  handleTestEvent({ name, test, hook }) {
    if (!process.env.KOJI_TEST_PROCESSOR) return;
    if (/^(test_fn|hook)_start$/.test(name)) this.started = processorSeconds();
    else if (/^(test_fn|hook)_(success|failure)$/.test(name))
      process.stderr.write(
        `${(processorSeconds() - this.started).toFixed(2)} s ${hook?.type ?? test.name}\n`,
      );
  }

  async teardown() {
    await super.teardown();
    freeModules();
    freeStorages();
    const seconds = processorSeconds() - this.before;
    appendFileSync(processorFile, `${JSON.stringify({ file: this.file, seconds })}\n`);
  }
}

/** Processor seconds of this process and of its children that have exited; of this process alone without /proc. */
function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childrenTicks() / 100;
}

function childrenTicks() {
  try {
    // After the name in brackets: cutime and cstime are fields 16 and 17 of the line, in hundredths of a second.
    const [, rest] = readFileSync('/proc/self/stat', 'utf8').split(/^.*\) /s);
    const fields = rest.split(' ');
    return Number(fields[13]) + Number(fields[14]);
  } catch {
    return 0;
  }
}
