/// <reference types="node" preserve="true" />
export { ClientSession } from './session.js';
export type { CallOptions, Retry, SessionOptions } from './session.js';
export type { HubMethods, UntypedMethod, UntypedMethods } from './methods.js';
export { MulticallEntry } from './multicall.js';
export type { Multicall, MulticallOptions, Outcome } from './multicall.js';
export type { Chunk, UploadOptions, UploadProgress } from './upload.js';
export { downloadFile } from './download.js';
export type { DownloadOptions, DownloadResult, TaskOutputOptions } from './download.js';
export { HubUnreachable, RequestError } from './errors.js';
export { Koji, RunningTask, TaskFailed } from './koji.js';
export type { BuildOptions, FinishedTask, KojiOptions, TaskChange, TaskState } from './koji.js';
export type { Outage, Patience } from './steady.js';
export type { TransportOptions } from './transport.js';
export { Double, double, named } from '@koji/core/wire';
export { readProfile, sessionOptions } from './profiles.js';
export type { ProfileSource } from './profiles.js';
