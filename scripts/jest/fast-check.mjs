// fast-check as the tests import it: every property is tried with the seed of the run, the same one unless somebody asks for
// another, so that a run fails for what changed and not by chance. `npm run test:random` draws seeds and tries more.
import * as fc from '../../node_modules/fast-check/lib/fast-check.js';

const seed = Number(process.env.KOJI_FUZZ_SEED ?? 1);
const rounds = Number(process.env.KOJI_FUZZ_ROUNDS ?? 1);
fc.configureGlobal({ seed });

/** As that of fast-check, with more runs where the run of the tests asks for them. */
export function assert(property, { numRuns = 100, ...parameters } = {}) {
  return fc.assert(property, { ...parameters, numRuns: numRuns * rounds });
}

export * from '../../node_modules/fast-check/lib/fast-check.js';
export default { ...fc.default, assert };
