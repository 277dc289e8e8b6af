/// <reference types="node" preserve="true" />
export { Scm } from './scm.js';
export { policyFields } from './allowed.js';
export { isScmUrl } from './url.js';
export type { Checkout, CheckoutOptions } from './scm.js';
export type { ScmInfo, ScmType } from './url.js';
export type { ScmPolicyData } from './allowed.js';
