import { boolean, folders, integer, secret, text, withoutEffect, words } from './options.js';
import type { OptionValues } from './options.js';

/** The options of a profile in koji.conf: first those of Koji, then ours. */
export const clientOptions = {
  server: text('http://localhost/kojihub', 'Hub url'),
  weburl: text('http://localhost/koji', 'Web UI url'),
  topurl: text(null, 'Url of the file store'),
  pkgurl: text(null, 'Obsolete; turned into topurl'),
  topdir: text('/mnt/koji', 'Local mount of the file store'),
  max_retries: integer(30, 'Call retries'),
  retry_interval: integer(20, 'Seconds between retries'),
  anon_retry: boolean(false, 'Retry calls made without login'),
  offline_retry: boolean(false, 'Keep retrying while the hub says it is offline'),
  offline_retry_interval: integer(20, 'Seconds between those retries'),
  timeout: integer(43200, 'Request timeout in seconds'),
  auth_timeout: integer(60, 'Timeout in seconds for login calls'),
  use_fast_upload: withoutEffect(boolean(true, 'Use raw upload'), 'uploads are always raw'),
  upload_blocksize: integer(1048576, 'Upload chunk size in bytes'),
  poll_interval: integer(6, 'Seconds between task status polls'),
  principal: text(null, 'Kerberos principal; unset takes that of the ticket cache'),
  keytab: text(null, 'Kerberos keytab with the keys of principal'),
  cert: text(null, 'Client certificate; unset tries ~/.koji/client.crt'),
  serverca: text(null, 'Hub CA; unset tries ~/.koji/serverca.crt'),
  no_ssl_verify: boolean(false, 'Skip server certificate checks'),
  authtype: text(null, 'Force noauth, ssl, password, token, kerberos or gssapi, which is the same'),
  debug: boolean(false, 'Debug output'),
  debug_xmlrpc: boolean(false, 'Log the wire traffic'),
  pyver: withoutEffect(integer(null, 'Python major version to run under'), 'no Python runs it'),
  plugin_paths: folders([], 'Colon list of CLI plugin directories'),
  force_auth: boolean(false, 'Log in even for read-only commands'),
  user: text(null, 'User name for authtype password'),
  password: secret(text(null, 'Password for authtype password; keep the file readable for yourself only')),
  token_file: text(
    null,
    'File with a token to call with, readable for its user alone; authtype token takes the variable KOJI_TOKEN first',
  ),
  plugins: words([], 'Packages with commands to load'),
};

/** The values of {@link clientOptions}. */
export type ClientOptions = OptionValues<typeof clientOptions>;
