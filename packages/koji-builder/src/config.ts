import { ConfigError, logFormatter, logLevelNamed, messageOf, openLog, type Log } from '@koji/core';
import type { LogFormatter } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import type { SessionOptions } from '@koji/client';
import { AdminMail } from './admin-mail.js';

/**
 * Opens kojid.log for appending; the daemon and the processes of its tasks write to the same file.
 *
 * @param how `direct` in the process of a task, which may be killed after any line
 * @throws ConfigError for an unknown `log_level` or an invalid `log_format`
 */
export function openBuilderLog(options: KojidOptions, how: { readonly direct?: boolean } = {}): Log {
  const level = logLevelNamed(options.log_level ?? 'INFO');
  const file = {
    ...how,
    format: formatOf(options),
    ...(options.logfile ? { file: options.logfile } : {}),
  };
  const to = (options.admin_emails ?? '').split(',').map((address) => address.trim());
  const addresses = to.filter(Boolean);
  if (addresses.length === 0) return openLog({ level, ...file });
  const mail = new AdminMail(addresses, options, (error) =>
    log.logger('koji.kojid').warn(`could not mail errors to admin_emails: ${messageOf(error)}`),
  );
  const log = openLog({ level, ...file, onError: (text) => mail.add(text) });
  return {
    logger: log.logger,
    reopen: log.reopen,
    close: async () => {
      await mail.close();
      await log.close();
    },
  };
}

function formatOf({ log_format: pattern }: KojidOptions): LogFormatter {
  try {
    return logFormatter(pattern);
  } catch (cause) {
    throw new ConfigError(`kojid.conf [kojid] log_format = '${pattern}': ${messageOf(cause)}`, { cause });
  }
}

/** Returns the session options from kojid.conf. */
export function sessionOptions(options: KojidOptions): SessionOptions {
  return {
    maxRetries: options.max_retries,
    retryInterval: options.retry_interval,
    offlineRetry: options.offline_retry,
    offlineRetryInterval: options.offline_retry_interval,
    ...(options.timeout === null ? {} : { timeout: options.timeout }),
    ...(options.cert === null ? {} : { cert: options.cert }),
    ...(options.serverca === null ? {} : { serverCa: options.serverca }),
    noSslVerify: options.no_ssl_verify,
  };
}
