// Where a run of the tests leaves how long each file took.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

const cache = path.join(root, 'node_modules/.cache');
mkdirSync(cache, { recursive: true });

/** Seconds of each file in the last run of the whole suite. */
export const testSecondsFile = path.join(cache, 'koji-test-seconds.json');

/** Processor seconds of each file in the last run, a line each. */
export const processorFile = path.join(cache, 'koji-test-processor.jsonl');
