/// <reference types="node" preserve="true" />
export { buildImage } from './build.js';
export { rpmsIn } from './rpms.js';
export type { Image, ImageOptions, ImagePlace, ImagePlan } from './build.js';
