export { startBuilder } from './builder.js';
export type { Builder } from './builder.js';
