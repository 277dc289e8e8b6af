// Where the last whole run of the tests left how long each file took.
import path from 'node:path';
import { root } from './setup.mjs';

export const testSecondsFile = path.join(root, 'node_modules/.cache/koji-test-seconds.json');
