#!/usr/bin/env node
// Exists before the package is built, so that installing the sources links the command.
import '../dist/bundle/main.js';
