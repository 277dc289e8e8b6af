/// <reference types="node" preserve="true" />
/** The way to a message bus, for plugins that have messages of their own. */
export { Bus } from './bus.js';
export type { BusSettings } from './bus.js';
export type { Outgoing } from './transport.js';
