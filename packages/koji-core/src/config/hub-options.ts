import { boolean, choice, folders, integer, text, words } from './options.js';
import { loginOptions } from './login-options.js';
import type { OptionValues } from './options.js';
import { processLimits } from './process-limits.js';
import { siteOptions } from './web-options.js';

/** The options of hub.conf, section `hub`: first Koji's, then our own. */
export const hubOptions = {
  DBName: text(null, 'Database name'),
  DBUser: text(null, 'Database user'),
  DBHost: text(null, 'Database host; empty means the local socket'),
  DBhost: text(null, 'Older spelling of DBHost, used when DBHost is unset'),
  DBPort: integer(null, 'Database TCP port'),
  DBPass: text(null, 'Database password: file:PATH, env:NAME, or the password itself'),
  DBConnectionString: text(null, 'Full connection string; replaces the other DB options'),
  KojiDir: text(null, 'Root of the file store; unset keeps /mnt/koji'),
  ProxyPrincipals: text('', 'Comma list of Kerberos principals that may log in other users'),
  HostPrincipalFormat: text(null, 'Pattern with %s that gives new hosts a principal'),
  AllowedKrbRealms: text('*', 'Comma list of accepted realms, * for any'),
  DisableURLSessions: boolean(false, 'Refuse session data in the query string'),
  DNUsernameComponent: text('CN', 'Certificate subject part used as user name'),
  ProxyDNs: text(
    '',
    'Certificate DNs, separated by |, that may log in other users: `CN=koji-web,O=Example,C=US` or `/C=US/O=Example/CN=koji-web`',
  ),
  CheckClientIP: boolean(true, 'Tie sessions to the client address'),
  LoginCreatesUser: boolean(true, 'Create unknown users at GSSAPI or SSL login'),
  AllowProxyAuthType: boolean(false, 'Let a proxying client state another auth type for the user'),
  KojiWebURL: text('http://localhost.localdomain/koji', 'Web UI address put into notifications'),
  EmailDomain: text(null, 'Mail domain added to user names'),
  NotifyOnSuccess: boolean(true, 'Also mail the submitter and package owner when a build succeeds'),
  DisableNotifications: boolean(false, 'Send no notifications at all'),
  Plugins: words([], 'Space list of hub plugins to load'),
  PluginPath: folders(['/usr/lib/koji-hub-plugins'], 'Colon list of directories with hub plugins'),
  KojiDebug: boolean(false, 'Very verbose logs and full traces in faults of known errors'),
  KojiTraceback: text(null, 'Detail in faults of unknown errors: normal, extended, or none'),
  VerbosePolicy: boolean(false, 'Name the deciding rule in policy refusals'),
  LogLevel: text('WARNING', 'Log level, or space list of logger:level pairs'),
  LogFormat: text(
    '%(asctime)s [%(levelname)s] m=%(method)s u=%(user_name)s p=%(process)s r=%(remoteaddr)s %(name)s: %(message)s',
    'Pattern of log lines; json writes each as a JSON object with all fields',
  ),
  MissingPolicyOk: boolean(true, 'Treat an undefined allow/deny policy as allow'),
  EnableMaven: boolean(false, 'Turn maven support on'),
  EnableWin: boolean(false, 'Turn windows support on'),
  ...processLimits,
  MemoryWarnThreshold: integer(5000, 'Memory growth in one request, in kilobytes, that causes a warning'),
  MaxRequestLength: integer(4194304, 'Largest accepted request body in bytes; 0 or unset means no limit'),
  LockOut: boolean(false, 'Answer only admins (ServerOffline fault for others)'),
  ServerOffline: boolean(false, 'Answer every request with a ServerOffline fault'),
  OfflineMessage: text(null, 'Text of the ServerOffline fault'),
  MaxNameLengthInternal: integer(256, 'Longest accepted name; 0 for no limit'),
  RegexNameInternal: text(
    '^[A-Za-z0-9/_.+-]+$',
    'Pattern for names of tags, channels and the like; empty to skip',
  ),
  RegexUserName: text('^[A-Za-z0-9/_.@-]+$', 'Pattern for user names and principals; empty to skip'),
  RPMDefaultChecksums: text('md5 sha256', 'Space list of checksum types computed by default'),
  SessionRenewalTimeout: integer(1440, 'Minutes until a session must authenticate again; 0 for never'),
  MaxJobs: integer(15, 'Scheduler: job limit per host unless the host reports its own'),
  CapacityOvercommit: integer(5, 'Scheduler: how far a task may exceed free capacity'),
  ReadyTimeout: integer(180, 'Scheduler: seconds without check-in until a host is marked not ready'),
  AssignTimeout: integer(300, 'Scheduler: seconds an assigned task may stay unopened'),
  SoftRefusalTimeout: integer(900, 'Scheduler: seconds a soft refusal holds'),
  HostTimeout: integer(900, 'Scheduler: seconds without check-in until open tasks are freed'),
  RunInterval: integer(60, 'Scheduler: least seconds between runs'),
  MaxRepoTasks: integer(10, 'Repo queue: most running newRepo tasks'),
  MaxRepoTasksMaven: integer(2, 'Repo queue: most running newRepo tasks with maven'),
  RepoRetries: integer(3, 'Repo queue: tries per request'),
  RequestCleanTime: integer(1440, 'Repo queue: minutes that finished requests are kept'),
  AllowNewRepo: boolean(true, 'Accept the direct newRepo call'),
  RepoLag: integer(3600, 'Seconds of age allowed for repos requested without an event'),
  RepoAutoLag: integer(
    null,
    'The same for automatic requests; unset means 0 with `RepoManager = hub`, where a change starts a new repo at once, and 7200 otherwise',
  ),
  RepoLagWindow: integer(600, 'Rounding step for these ages, in seconds'),
  RepoQueueUser: text('kojira', 'User that owns newRepo tasks made by the queue'),
  DebuginfoTags: text('', 'Tag globs whose repos include debuginfo'),
  SourceTags: text('', 'Tag globs whose repos include sources'),
  SeparateSourceTags: text('', 'Tag globs whose repos get a separate src arch'),
  RepoManager: choice(
    'hub',
    ['external'],
    'Who manages repos (requests, automatic requests, changes of external repos, expiry, deletion): the hub, or with external a kojira',
  ),
  RepoInterval: integer(
    15,
    "Repo manager: seconds between checks of ages and time limits, kojira's sleeptime; changes, requests and finished tasks are handled at once",
  ),
  RepoLifetime: integer(604_800, "Repo manager: seconds until a repo expires, kojira's repo_lifetime"),
  DistRepoLifetime: integer(604_800, "Repo manager: the same for dist repos, kojira's dist_repo_lifetime"),
  ExpiredRepoLifetime: integer(
    604_800,
    "Repo manager: seconds until an expired or broken repo is deleted, kojira's expired_repo_lifetime",
  ),
  RepoInitTimeout: integer(
    7200,
    "Repo manager: seconds until an unfinished repo counts as broken, kojira's init_timeout",
  ),
  RepoRecheckPeriod: integer(
    3600,
    "Repo manager: seconds until it rechecks folders, references to expired repos and failed automatic requests, kojira's recheck_period",
  ),
  MaxRepoDeletes: integer(
    4,
    "Repo manager: most folders removed at the same time, kojira's max_delete_processes",
  ),
  CheckExternalRepos: boolean(
    true,
    "Repo manager: ask external repos for changes, kojira's check_external_repos",
  ),
  ExternalRepoPath: folders(
    [],
    'Repo manager: colon list of folders in which external repos may have `file:` urls; KojiDir is always allowed',
  ),
  IgnoreStrayRepos: boolean(
    false,
    "Repo manager: keep old folders of repos that the hub does not know, kojira's ignore_stray_repos",
  ),
  IgnoreOtherVolumes: boolean(
    false,
    "Repo manager: never remove folders from volumes other than DEFAULT, kojira's ignore_other_volumes",
  ),
  Listen: text('127.0.0.1:8080', 'Address and port to listen on; port 0 picks a free port'),
  Database: text(
    null,
    'sqlite:FILE, relative to the folder of hub.conf, or postgresql://USER:PASSWORD@HOST:PORT/NAME; unset uses the DB options, or sqlite:koji.db if none is set',
  ),
  Workers: integer(1, 'Processes that serve requests; more than one needs PostgreSQL'),
  PluginFailure: choice(
    'refuse',
    ['skip'],
    'What the hub does when a plugin does not load: refuse to start, or skip the plugin',
  ),
  CallbackTimeout: integer(30, 'Seconds that a callback, method or policy test of a plugin may take'),
  MaxCallbackTimeout: integer(
    300,
    'Longest timeout in seconds that a plugin can request in its package.json instead of CallbackTimeout',
  ),
  CallbackFailureLimit: integer(
    5,
    'Consecutive failures that switch off a callback that is allowed to fail; 0 means never',
  ),
  CallbackPause: integer(300, 'Seconds until a callback that was switched off is tried again'),
  BlockLimit: integer(
    2,
    'Seconds that plugin code may block all calls before the process is replaced; 0 means no limit',
  ),
  BlockRetries: integer(
    3,
    'Times within an hour that a plugin may block a process; the last time switches it off for CallbackPause seconds; 0 means never',
  ),
  MaxDownloadSize: integer(
    67108864,
    "Most bytes of a task's file that one `downloadTaskOutput` returns; larger files are read by offset and size",
  ),
  BodyTimeout: integer(60, 'Seconds that a client may pause while sending a request'),
  PasswordChecks: integer(2, 'Password checks that each process runs at the same time'),
  MaxWaitingLogins: integer(
    500,
    'Logins that may wait for a password check in each process; above this limit, the newest logins from the address with the most are refused',
  ),
  FailedLogins: integer(
    10,
    'Wrong passwords for one user from one address after which logins of this user from there are refused; 0 for no limit',
  ),
  FailedLoginsPerAddress: integer(
    100,
    'Wrong passwords from one address after which all logins from there are refused; 0 for no limit',
  ),
  FailedLoginPause: integer(300, 'Seconds from the first wrong password until failed logins are forgotten'),
  TokenLifetime: integer(365, 'Longest validity of a token in days, see createToken; 0 accepts no tokens'),
  ...loginOptions,
  RequestTimeout: integer(900, 'Seconds that a client may take to send a whole request'),
  RequestMemory: integer(
    268_435_456,
    'Bytes of memory in each process for requests longer than 64 KiB; a request that does not fit gets status 503; 0 means no limit',
  ),
  DownloadRate: integer(
    1024,
    'Slowest download of a file below /kojifiles, in bytes per second on average over DownloadTimeout',
  ),
  DownloadTimeout: integer(120, 'Seconds over which DownloadRate is measured; 0 for no limit'),
  AnswerTimeout: integer(3600, 'Seconds that a client may take to read a whole answer'),
  MaxAnswerLength: integer(
    2_147_483_648,
    'Largest answer in bytes; a longer one becomes a fault, or closes the connection if part of it was already sent; 0 means no limit',
  ),
  AnswerMemory: integer(
    67_108_864,
    'Bytes of memory for answers that clients have not read yet; the rest waits in temporary files',
  ),
  AnswerFiles: integer(
    17_179_869_184,
    'Bytes of temporary files for answers; when they are full, the client that has read nothing for the longest time is disconnected; 0 means no limit',
  ),
  AnswerFolder: text(null, 'Folder for these temporary files; unset uses the temporary folder of the system'),
  MaxConnections: integer(
    2000,
    'Client connections that a process accepts at the same time; 0 means no limit',
  ),
  MaxHeaderLength: integer(16_384, 'Largest accepted request headers in bytes'),
  HeaderTimeout: integer(60, 'Seconds that a client may take to send request headers'),
  KeepAliveTimeout: integer(65, 'Seconds that a connection stays open without a request'),
  HousekeepingInterval: integer(
    86400,
    'Seconds between removals of what the options below do not keep; 0 leaves this to koji-hub housekeeping',
  ),
  KeepSessions: integer(
    30,
    'Days that sessions without a call are kept; 0 means for ever, here and in the other Keep options',
  ),
  KeepTokens: integer(365, 'Days that records of revoked and expired tokens are kept'),
  KeepReservations: integer(1, 'Days that builds reserved by content generators are kept'),
  KeepSchedulerLog: integer(7, "Days that lines of the scheduler's log are kept"),
  KeepBuildrootLists: integer(
    0,
    'Days that the package lists of retired buildroots are kept if no package from them is kept, as for scratch builds',
  ),
  KeepTasks: integer(
    0,
    'Days that ended tasks are kept, unless a build, repository or kept buildroot comes from them',
  ),
  KeepTaskFiles: integer(0, 'Days that logs and other files of ended tasks are kept'),
  KeepScratchBuilds: integer(0, 'Days that files of scratch builds are kept after their task has ended'),
  KeepUploads: integer(0, 'Days that unused uploads of the koji command are kept'),
  StopDelay: integer(
    0,
    'Seconds that a stopping hub continues to answer while /readyz returns 503, so that load balancers stop sending requests',
  ),
  LongReads: integer(
    4,
    'Lists and searches that a process reads from the database at the same time; further ones wait, but lookups by name or id do not',
  ),
  DatabaseConnections: integer(
    10,
    'PostgreSQL connections of each process, at least three more than LongReads: two are reserved for lookups, one for writes',
  ),
  MaxMultiCalls: integer(
    100_000,
    'Most calls in a multicall, including calls in nested multicalls; 0 means no limit',
  ),
  ProxyUsers: words(
    [],
    'Space list of users that may log in other users, with their own password and `proxyuser` in the options of `login`, such as the user of a standalone koji-web',
  ),
  Web: boolean(true, 'Serve the web page'),
  WebPath: text('/koji', 'Path of the web page'),
  ...siteOptions,
  MetricsFrom: words(
    ['127.0.0.1', '::1'],
    'Space list of addresses that may read /metrics, * for any; empty turns metrics off',
  ),
  SlowStatement: integer(
    1000,
    'Milliseconds after which a database statement is logged as slow, with its query plan; 0 logs none',
  ),
  Tracing: boolean(
    false,
    'Create OpenTelemetry spans for calls and statements; load an exporter into the process with `node --import`',
  ),
  LogFile: text(null, 'File to append the log to; unset writes to standard error'),
};

/** The values of {@link hubOptions}. */
export type HubOptions = OptionValues<typeof hubOptions>;
