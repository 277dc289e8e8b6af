import { text } from './options.js';

/** Limits that hub and builder set for their own processes: a number, or a soft and a hard limit. */
export const processLimits = {
  RLIMIT_AS: text(null, 'Process limit: address space'),
  RLIMIT_CORE: text(null, 'Process limit: core file size'),
  RLIMIT_CPU: text(null, 'Process limit: cpu seconds'),
  RLIMIT_DATA: text(null, 'Process limit: data segment'),
  RLIMIT_FSIZE: text(null, 'Process limit: size of files written'),
  RLIMIT_MEMLOCK: text(null, 'Process limit: locked memory'),
  RLIMIT_NOFILE: text(null, 'Process limit: open files'),
  RLIMIT_NPROC: text(null, 'Process limit: processes'),
  RLIMIT_OFILE: text(null, 'Process limit: older name of RLIMIT_NOFILE'),
  RLIMIT_RSS: text(null, 'Process limit: resident memory'),
  RLIMIT_STACK: text(null, 'Process limit: stack size'),
};
