#!/usr/bin/env node
// The command is there before the package is built, so that an installation of the sources links it.
import '../dist/main.js';
