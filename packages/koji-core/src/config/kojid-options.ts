import { boolean, choice, folders, integer, text, withoutEffect, words } from './options.js';
import type { OptionValues } from './options.js';
import { processLimits } from './process-limits.js';

const passwordsOnly = 'kojid logs in with a password only';

/** The options of kojid.conf, section `kojid`: those of Koji, then ours. */
export const kojidOptions = {
  sleeptime: integer(15, 'Seconds between polls of the hub'),
  maxjobs: integer(10, 'Most tasks run at once'),
  buildroot_basic_cleanup_delay: integer(120, "Seconds until a finished task's buildroot content is removed"),
  buildroot_final_cleanup_delay: integer(86400, 'Seconds until the rest of that buildroot is removed'),
  literal_task_arches: text('', 'Arch globs passed to buildArch as they are, not made canonical'),
  minspace: integer(8192, 'Free megabytes needed under mockdir to take a task'),
  admin_emails: text(null, 'Comma list of addresses for error mail'),
  log_level: text(null, 'Log level name'),
  topdir: text('/mnt/koji', 'Local mount of the file store'),
  topurl: text(null, 'Required; space list of urls for the file store, the first is used'),
  workdir: text('/var/tmp/koji', 'Scratch directory of tasks'),
  chroot_tmpdir: text('/chroot_tmpdir', 'Temporary directory inside buildroots'),
  pluginpath: folders(['/usr/lib/koji-builder-plugins'], 'Colon list of plugin directories'),
  mockdir: text('/var/lib/mock', 'Mock root directory'),
  mockuser: text('kojibuilder', 'Account that runs mock when kojid is root; empty runs it as kojid itself'),
  mockpath: text('/usr/bin/mock', 'The mock program'),
  mockconfigdir: text('/etc/mock/koji', 'Directory for the mock configurations of buildroots'),
  packager: text('Koji', 'Packager macro in builds'),
  vendor: text('Koji', 'Vendor macro in builds'),
  distribution: text('Koji', 'Distribution macro in builds'),
  mockhost: text('koji-linux-gnu', 'Tail of the %_host macro'),
  smtphost: text('example.com', 'Mail server for notifications'),
  smtp_user: text(null, 'Mail server user'),
  smtp_pass: text(null, 'Mail server password'),
  from_addr: text('Koji Build System <buildsys@example.com>', 'Sender of notifications'),
  krb_principal: withoutEffect(
    text(null, 'Kerberos principal; otherwise built from host_principal_format'),
    passwordsOnly,
  ),
  host_principal_format: withoutEffect(
    text('compile/%s@EXAMPLE.COM', 'Pattern with %s for the host name'),
    passwordsOnly,
  ),
  keytab: withoutEffect(text('/etc/kojid/kojid.keytab', 'Kerberos keytab'), passwordsOnly),
  ccache: withoutEffect(text('/var/tmp/kojid.ccache', 'Kerberos credential cache'), passwordsOnly),
  server: text('', 'Hub url; must be set'),
  user: text(null, 'User name for password login'),
  password: text(null, 'Password for password login: file:PATH, env:NAME, or the password itself'),
  retry_interval: integer(60, 'Seconds between call retries'),
  max_retries: integer(120, 'Call retries'),
  offline_retry: boolean(true, 'Keep retrying while the hub says it is offline'),
  offline_retry_interval: integer(120, 'Seconds between those retries'),
  log_timestamps: boolean(false, 'Also upload timestamp companions of logs'),
  timeout: integer(null, 'Request timeout in seconds'),
  no_ssl_verify: boolean(false, 'Skip server certificate checks'),
  use_fast_upload: withoutEffect(boolean(true, 'Use raw upload'), 'uploads are always raw'),
  use_createrepo_c: boolean(true, 'Use createrepo_c'),
  createrepo_skip_stat: boolean(true, 'Trust unchanged rpms when updating repodata'),
  createrepo_update: boolean(true, 'Reuse the previous repodata'),
  distrepo_skip_stat: boolean(false, 'Same trust for dist repos'),
  copy_old_repodata: boolean(false, 'Copy repodata when a new repo is identical'),
  mock_bootstrap_image: boolean(false, 'Let tags choose a mock bootstrap image'),
  pkgurl: withoutEffect(text(null, 'Obsolete'), 'topurl has taken its place'),
  allowed_scms: text(
    '',
    'Space list of host:repository[:use_common[:source_cmd]] globs, ! to refuse; ? stands for the colon before a port: ' +
      'git.example.com?8443:/rpms/*',
  ),
  allowed_scms_use_config: boolean(true, 'Apply allowed_scms'),
  allowed_scms_use_policy: boolean(false, 'Apply the hub policy build_from_scm'),
  scm_credentials_dir: text(null, 'Directory bound into SRPM buildroots as /credentials'),
  support_rpm_source_layout: boolean(true, 'Also look for spec files under SPECS'),
  yum_proxy: text(null, 'Proxy for package downloads in mock'),
  maven_repo_ignore: text(
    '*.md5 *.sha1 maven-metadata*.xml _maven.repositories _remote.repositories resolver-status.properties *.lastUpdated',
    'File globs skipped when recording maven content',
  ),
  failed_buildroot_lifetime: integer(14400, 'Seconds that buildroots of failed tasks are kept'),
  rpmbuild_timeout: integer(86400, 'Seconds one rpmbuild may take'),
  oz_install_timeout: integer(0, "Seconds an image install may take; 0 for oz's own setting"),
  xz_options: text('-z6T0', 'Options for xz on raw-xz images'),
  task_avail_delay: withoutEffect(
    integer(300, 'Seconds to leave a task to builders with more room'),
    'the hub gives tasks to hosts',
  ),
  cert: text(null, 'Client certificate; falls back to /etc/kojid/client.crt if that exists'),
  serverca: text(null, 'Hub CA; falls back to /etc/kojid/serverca.crt if that exists'),
  allow_noverifyssl: boolean(false, 'Let image builds turn off ssl checks'),
  allow_password_in_scm_url: boolean(false, 'Accept passwords in SCM urls'),
  plugin: words([], 'Builder plugins to load'),
  callback_timeout: integer(60, 'Seconds that a callback of a plugin may take'),
  max_callback_timeout: integer(
    300,
    'The most seconds that a plugin gets which asks for more than callback_timeout in its package.json',
  ),
  build_arch_can_fail: boolean(false, 'Let sibling arches finish when one fails'),
  ...processLimits,
  logfile: text(null, 'File to append the log to; unset writes to standard error'),
  log_format: text(
    '%(asctime)s [%(levelname)s] {%(process)d} %(name)s %(message)s',
    'Pattern of log lines; json makes each an object of JSON with everything that is known',
  ),
  shutdowntimeout: integer(
    30,
    'Seconds that a stopping builder waits for its tasks before it frees them for another one',
  ),
  maxload: integer(4, 'Load average per processor above which no task is taken; 0 takes tasks at any load'),
  buildroot_backend: choice(
    'auto',
    ['mock', 'sandbox', 'host'],
    'What makes buildroots: mock, sandbox (dnf, overlayfs and bubblewrap), host (rpmbuild of the builder itself, for a try); ' +
      'auto takes mock where mockpath is installed, else sandbox',
  ),
  rootsdir: text(
    null,
    'Folder for the buildroots of sandbox and host, and for notes on all; unset takes the folder roots below workdir',
  ),
  buildroot_memory: integer(
    0,
    'Megabytes of memory for what runs in one buildroot (not with mock); 0 for no limit',
  ),
  buildroot_processes: integer(0, 'Processes in one buildroot (not with mock); 0 for no limit'),
  image_python: text(
    '/usr/bin/python3',
    'Python with the module pykickstart, for tasks that make images; with ImageFactory and oz for image and indirectionimage',
  ),
  imagefactory_plugins: text('/etc/imagefactory/plugins.d', 'Folder that names the plugins of ImageFactory'),
  template_python: text(
    '/usr/bin/python3',
    'Python with the module Cheetah, which fills the templates of spec files for wrapperRPM tasks',
  ),
  spare_processes: integer(
    8,
    'Most processes kept loaded for tasks to come: one, and more while tasks come fast; 0 for none',
  ),
  waitfortasks: boolean(
    true,
    'Wait at the hub for new tasks where it can tell of them, instead of asking every sleeptime seconds',
  ),
};

/** The values of {@link kojidOptions}. */
export type KojidOptions = OptionValues<typeof kojidOptions>;
