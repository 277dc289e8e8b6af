import { readClientConfig } from '@koji/core/config';
import type { Profile } from '@koji/core/config';
import type { SessionOptions } from './session.js';

/** Where to read a profile. */
export interface ProfileSource {
  /** A file to read instead of the user's own. */
  configFile?: string;
  /** The user's home directory; `~`. */
  home?: string;
  /** The folder that contains koji.conf and koji.conf.d; `/etc`. */
  etc?: string;
}

/**
 * Reads a profile like the `koji` command: /etc/koji.conf.d, /etc/koji.conf, then the user's ~/.koji/config.d and
 * ~/.koji/config or the file given.
 *
 * @throws ConfigurationError when no file has the profile, ConfigError when a value is wrong
 * @example const profile = readProfile('koji'); const session = new ClientSession(profile.server, sessionOptions(profile));
 */
export function readProfile(name: string, from: ProfileSource = {}): Profile {
  return readClientConfig({ profile: name, ...from });
}

/** Returns the session options of a profile. */
export function sessionOptions(profile: Profile): SessionOptions {
  const { user, password, cert, serverca } = profile;
  return {
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ...(cert && profile.authtype === 'ssl' ? { cert } : {}),
    ...(serverca ? { serverCa: serverca } : {}),
    noSslVerify: profile.no_ssl_verify,
    maxRetries: profile.max_retries,
    retryInterval: profile.retry_interval,
    anonRetry: profile.anon_retry,
    offlineRetry: profile.offline_retry,
    offlineRetryInterval: profile.offline_retry_interval,
    timeout: profile.timeout,
    authTimeout: profile.auth_timeout,
    uploadBlocksize: profile.upload_blocksize,
  };
}
