#!/usr/bin/env node
// The command of @koji/dev, which has no door but its package.json.
await import(new URL('dist/main.js', import.meta.resolve('@koji/dev/package.json')).href);
