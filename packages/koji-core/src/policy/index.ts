export { globToRegExp, matchesAny } from './glob.js';
export { PolicySet } from './policies.js';
export type { Decision, TriedRule } from './policies.js';
export type { Evaluation, PolicyData, PolicyTest, PolicyTests } from './rules.js';
export { libraryTests, matchField, testsByName } from './tests.js';
