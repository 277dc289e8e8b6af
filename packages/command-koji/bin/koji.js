#!/usr/bin/env node
// The command of @koji/client, which is beside the door of that package.
await import(new URL('main.js', import.meta.resolve('@koji/client')).href);
