/// <reference types="node" preserve="true" />
export { callbackTable, isCallbackName } from '../callbacks.js';
export { currentAmbient, currentPluginCode, onPluginCode, runInContext, runPluginCode } from '../context.js';
export type { PluginCode } from '../context.js';
export { loggerOf } from '../log.js';
export { messageText } from '../outbox.js';
export type { Delivery, PluginOutbox } from '../outbox.js';
export { FreeTask, isTaskHandler } from '../task.js';
export type { ConfigReport, ConfigSetting, DeclaredConfig } from '../config.js';
export { ActivityLog } from './activity.js';
export { CallbackRegistry, switchedOff } from './registry.js';
export { describeCopies } from './copies.js';
export { watchBuiltIns } from './intrusions.js';
export { findPlugin, listPlugins } from './find.js';
export { installModuleHooks } from './install-hooks.js';
export { loadPlugins } from './load.js';
export { describeLimits, limitOf } from './limits.js';
export type { LimitRules, LimitedKind, PluginLimits } from './limits.js';
export { callPluginMethod, runPluginMethod } from './methods.js';
export { sdkVersion } from './package.js';
export { PluginLoadError, describeProblem } from './problems.js';
export { showTaskArguments } from './declared-tasks.js';
export { fit, signatureOf } from './signature.js';
export { SignatureError } from './signature-error.js';
export { describeReport, isOff, reportOf } from './report.js';
export type { PluginReport, ReportedActivity } from './report.js';
export { runTask } from './task.js';
export { TimeLimitError, withTimeLimit } from './time-limit.js';
export type { CallbackFacts } from '../callbacks.js';
export type { CliCommand, CliOptions, CliTools } from '../cli.js';
export type { Ambient, ContextSession, NewTask, PluginDatabase } from '../context.js';
export type { CliOption } from '../marks.js';
export type { TaskDaemon, TaskHandlerClass, TaskOptions, TaskRuntime, UploadTarget } from '../task.js';
export type {
  LoadedPlugin,
  PluginCommand,
  PluginPolicyTest,
  PluginTask,
  PluginWebPage,
  PluginWebPanel,
} from './collect.js';
export type { LoadOptions, LoadResult } from './load.js';
export type { PluginMethod } from './methods.js';
export type { PluginEntry, PluginManifest, PluginPart } from './package.js';
export type { PluginProblem, ProblemTopic } from './problems.js';
export type { Activity, ActivityKind, Actor } from './activity.js';
export { Circuit } from './circuit.js';
export type { CircuitOptions } from './circuit.js';
export type { PluginCallback, RegistryOptions } from './registry.js';
export { isPluginTable } from '../tables.js';
export type { DeclaredTables } from '../tables.js';
export { isSigned } from '../route.js';
export type { PluginRoute } from '../route.js';
export type { PluginSchedule, ScheduledRun } from '../schedule.js';
export type { Signature } from './signature.js';
export { blocksOf, killPrograms, outputOf, runProgram } from '../program.js';
export type { BlocksOptions, OutputOptions, ProgramOptions, ProgramOutput } from '../program.js';
export { killMarked, killRemains, killTree, markName, startOf } from '../process-tree.js';
export { withUpload } from '../uploads.js';
export { foldersToWatch, wantedPlugins, watchFolders } from './watch.js';
export type { WatchParts } from './watch.js';
