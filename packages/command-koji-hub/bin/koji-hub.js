#!/usr/bin/env node
// The command of @koji/hub, which is beside the door of that package.
await import(new URL('main.js', import.meta.resolve('@koji/hub')).href);
