#!/usr/bin/env node
import { basename } from 'node:path';
import { runKoji } from './run.js';

// If this file itself is run, the program has its installed name, which is also the name of its profile.
const name = basename(process.argv[1] ?? 'koji', '.js').replace(/^main$/, 'koji');
process.exitCode = await runKoji(name, process.argv.slice(2));
