#!/usr/bin/env node
import { basename } from 'node:path';
import { runKoji } from './run.js';

// Called by the file itself, the program has the name it is installed under, which is also its profile's.
const name = basename(process.argv[1] ?? 'koji', '.js').replace(/^main$/, 'koji');
process.exitCode = await runKoji(name, process.argv.slice(2));
