export { BuildRoot } from './buildroot.js';
export type { BuildRootRequest } from './settings.js';
export type { InstalledRpm } from './installed.js';
export type { Mount } from './mounts.js';
