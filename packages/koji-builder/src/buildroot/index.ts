/// <reference types="node" preserve="true" />
export { BuildRoot } from './buildroot.js';
export { requireBackend, usableBackend } from './backends.js';
export type { UsableBackend } from './backends.js';
export type { BackendName, RunOptions, SrpmSources } from './backend.js';
export type { BuildRootRequest } from './request.js';
export { needsOf } from './needs.js';
export type { Need } from './needs.js';
export type { InstalledRpm } from './installed.js';
export type { Mount } from './mounts.js';
