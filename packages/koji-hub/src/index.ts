/// <reference types="node" preserve="true" />
export { startHub } from './hub.js';
export type { RunningHub } from './hub.js';
export { findConfig, makeConfig } from './config.js';
