/// <reference types="node" preserve="true" />
export { RpmError } from './errors.js';
export { RpmHeader } from './header.js';
export type { RpmInfo } from './header.js';
export { RpmSection, decodeText, headerLimits } from './section.js';
export type { RpmValue } from './section.js';
export { RPMTAG, isListTag, tagName } from './tags.js';
export type { RpmTagName } from './tags.js';
export { listSignatures, readSignatureHeader, readSignaturePacket } from './signatures.js';
export type { RpmSignature, SignatureHeader, SignaturePacket } from './signatures.js';
export type { RpmDigests } from './identity.js';
export { diffRpms } from './diff.js';
export { checkRpmDigests } from './digests.js';
export type { DigestCheck } from './digests.js';
export { compareEVR, compareVersions } from './version.js';
export type { Evr } from './version.js';
export { splicedRpm } from './splice.js';
