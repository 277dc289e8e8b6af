/// <reference types="node" preserve="true" />
export { runTask, runTaskOf } from './task.js';
export type { TaskRecord, TaskTestOptions } from './task.js';
export { runCommand } from './command.js';
export type { CommandRecord, CommandTestOptions } from './command.js';
export { startTestHub } from './hub.js';
export type { TestHub, TestHubOptions, TestSession } from './hub.js';
