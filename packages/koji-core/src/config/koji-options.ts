import { boolean, folders, integer, secret, text, withoutEffect, words } from './options.js';
import type { OptionValues } from './options.js';

/** The options of a profile in koji.conf: first Koji's, then our own. */
export const clientOptions = {
  server: text('http://localhost/kojihub', 'Hub url'),
  weburl: text('http://localhost/koji', 'Web UI url'),
  topurl: text(null, 'Url of the file store'),
  pkgurl: text(null, 'Obsolete; turned into topurl'),
  topdir: text('/mnt/koji', 'Local mount of the file store'),
  max_retries: integer(30, 'Call retries'),
  retry_interval: integer(20, 'Seconds between retries'),
  anon_retry: boolean(false, 'Retry calls made without login'),
  offline_retry: boolean(false, 'Keep retrying while the hub is offline'),
  offline_retry_interval: integer(20, 'Seconds between retries while the hub is offline'),
  timeout: integer(43200, 'Request timeout in seconds'),
  auth_timeout: integer(60, 'Timeout in seconds for login calls'),
  use_fast_upload: withoutEffect(boolean(true, 'Use raw upload'), 'uploads are always raw'),
  upload_blocksize: integer(1048576, 'Upload chunk size in bytes'),
  poll_interval: integer(6, 'Seconds between task status polls'),
  principal: text(null, 'Kerberos principal; unset uses the principal in the ticket cache'),
  keytab: text(null, 'Kerberos keytab with the keys of principal'),
  cert: text(null, 'Client certificate; unset tries ~/.koji/client.crt'),
  serverca: text(null, 'Hub CA; unset tries ~/.koji/serverca.crt'),
  no_ssl_verify: boolean(false, 'Skip server certificate checks'),
  authtype: text(null, 'Force noauth, ssl, password, token, gssapi, or kerberos (the same as gssapi)'),
  debug: boolean(false, 'Debug output'),
  debug_xmlrpc: boolean(false, 'Log the wire traffic'),
  pyver: withoutEffect(
    integer(null, 'Python major version to run under'),
    'koji does not run under Python here',
  ),
  plugin_paths: folders([], 'Colon list of CLI plugin directories'),
  force_auth: boolean(false, 'Log in even for read-only commands'),
  user: text(null, 'User name for authtype password'),
  password: secret(text(null, 'Password for authtype password; keep the file readable only by you')),
  token_file: text(
    null,
    'File with a token, readable only by its user; with authtype token, the variable KOJI_TOKEN takes precedence',
  ),
  plugins: words([], 'Packages with commands to load'),
};

/** The values of {@link clientOptions}. */
export type ClientOptions = OptionValues<typeof clientOptions>;
