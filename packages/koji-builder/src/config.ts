import { openLog, type Log } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import type { SessionOptions } from '@koji/client';

const levels: Readonly<Record<string, string>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  WARN: 'warn',
  ERROR: 'error',
  CRITICAL: 'error',
};

/** Opens kojid.log for appending; the daemon and the processes of its tasks write to the same file. */
export function openBuilderLog(options: KojidOptions): Log {
  const level = levels[options.log_level?.toUpperCase() ?? 'INFO'] ?? 'info';
  return openLog({ level, ...(options.logfile ? { file: options.logfile } : {}) });
}

/** What kojid.conf says about calling the hub. */
export function sessionOptions(options: KojidOptions): SessionOptions {
  return {
    maxRetries: options.max_retries,
    retryInterval: options.retry_interval,
    offlineRetry: options.offline_retry,
    offlineRetryInterval: options.offline_retry_interval,
    ...(options.timeout === null ? {} : { timeout: options.timeout }),
  };
}
