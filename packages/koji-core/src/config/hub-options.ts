import { boolean, choice, folders, integer, text, words } from './options.js';
import { loginOptions } from './login-options.js';
import type { OptionValues } from './options.js';
import { processLimits } from './process-limits.js';
import { siteOptions } from './web-options.js';

/** The options of hub.conf, section `hub`: first those of Koji, then ours. */
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
    'Pattern of log lines; json makes each an object of JSON with everything that is known',
  ),
  MissingPolicyOk: boolean(true, 'Treat an undefined allow/deny policy as allow'),
  EnableMaven: boolean(false, 'Turn maven support on'),
  EnableWin: boolean(false, 'Turn windows support on'),
  ...processLimits,
  MemoryWarnThreshold: integer(5000, 'Kilobytes of growth in one request that cause a warning'),
  MaxRequestLength: integer(4194304, 'Largest accepted request body in bytes; 0 or unset means no limit'),
  LockOut: boolean(false, 'Answer only admins (ServerOffline fault for others)'),
  ServerOffline: boolean(false, 'Answer every request with a ServerOffline fault'),
  OfflineMessage: text(null, 'Text of that fault'),
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
    'Same for automatic requests; unset means 0 with `RepoManager = hub`, so that a change leads to a new repo at once, else 7200',
  ),
  RepoLagWindow: integer(600, 'Rounding step in seconds for those ages'),
  RepoQueueUser: text('kojira', 'User that owns newRepo tasks made by the queue'),
  DebuginfoTags: text('', 'Tag globs whose repos include debuginfo'),
  SourceTags: text('', 'Tag globs whose repos include sources'),
  SeparateSourceTags: text('', 'Tag globs whose repos get a separate src arch'),
  RepoManager: choice(
    'hub',
    ['external'],
    'Whether the hub itself looks after repos: requests, automatic ones, changes of external repos, expiry and deletion; with external a kojira does',
  ),
  RepoInterval: integer(
    15,
    "Repo manager: seconds between looks at what only time changes, kojira's sleeptime; changes, requests and finished tasks are seen at once",
  ),
  RepoLifetime: integer(604_800, "Repo manager: seconds until a repo expires, kojira's repo_lifetime"),
  DistRepoLifetime: integer(
    604_800,
    "Repo manager: the same for repos to distribute, kojira's dist_repo_lifetime",
  ),
  ExpiredRepoLifetime: integer(
    604_800,
    "Repo manager: seconds until an expired or broken repo is deleted, kojira's expired_repo_lifetime",
  ),
  RepoInitTimeout: integer(
    7200,
    "Repo manager: seconds until a repo that does not get ready counts as broken, kojira's init_timeout",
  ),
  RepoRecheckPeriod: integer(
    3600,
    "Repo manager: seconds until it looks again at folders, references of expired repos and automatic requests that failed, kojira's recheck_period",
  ),
  MaxRepoDeletes: integer(
    4,
    "Repo manager: most folders that are removed at the same time, kojira's max_delete_processes",
  ),
  CheckExternalRepos: boolean(
    true,
    "Repo manager: ask external repos for changes, kojira's check_external_repos",
  ),
  ExternalRepoPath: folders(
    [],
    'Repo manager: colon list of folders below which external repos may have `file:` urls; those below KojiDir may always',
  ),
  IgnoreStrayRepos: boolean(
    false,
    "Repo manager: keep old folders of repos that the hub does not know, kojira's ignore_stray_repos",
  ),
  IgnoreOtherVolumes: boolean(
    false,
    "Repo manager: remove no folders from other volumes than DEFAULT, kojira's ignore_other_volumes",
  ),
  Listen: text('127.0.0.1:8080', 'Address and port to answer at; port 0 takes a free one'),
  Database: text(
    null,
    'sqlite:FILE, relative to the folder of hub.conf, or postgresql://USER:PASSWORD@HOST:PORT/NAME; unset takes the DB options, or sqlite:koji.db when there are none',
  ),
  Workers: integer(1, 'Processes that answer; more than one needs PostgreSQL'),
  PluginFailure: choice(
    'refuse',
    ['skip'],
    'Whether the hub refuses to start when a plugin does not load, or starts without it',
  ),
  CallbackTimeout: integer(30, 'Seconds that a callback, method or policy test of a plugin may take'),
  MaxCallbackTimeout: integer(
    300,
    'The most seconds that a plugin gets which asks for more than CallbackTimeout in its package.json',
  ),
  CallbackFailureLimit: integer(
    5,
    'Failures in a row that switch off a callback which may fail; 0 never switches one off',
  ),
  CallbackPause: integer(300, 'Seconds that such a callback is switched off before it is tried again'),
  BlockLimit: integer(
    2,
    'Seconds that code of a plugin may hold up all calls before the process is replaced; 0 lets it',
  ),
  BlockRetries: integer(
    3,
    'Times within an hour that a plugin may do so; the last one switches it off for CallbackPause seconds. 0 never does',
  ),
  MaxDownloadSize: integer(
    67108864,
    "Bytes of a task's file that one `downloadTaskOutput` may answer; larger files are read by offset and size",
  ),
  BodyTimeout: integer(60, 'Seconds that a client may be silent while it sends a request'),
  PasswordChecks: integer(2, 'Passwords that each process checks at the same time'),
  MaxWaitingLogins: integer(
    500,
    'Logins that may wait for such a check in each process; then the newest of the address with most of them are refused',
  ),
  FailedLogins: integer(
    10,
    'Wrong passwords of one user from one address until its logins from there are refused; 0 for no limit',
  ),
  FailedLoginsPerAddress: integer(
    100,
    'Wrong passwords from one address until all logins from there are refused; 0 for no limit',
  ),
  FailedLoginPause: integer(300, 'Seconds from the first wrong password until these are forgotten'),
  TokenLifetime: integer(
    365,
    'Days for which a token of a program may be valid, see createToken; 0 takes none',
  ),
  ...loginOptions,
  RequestTimeout: integer(900, 'Seconds that a client may take to send a whole request'),
  RequestMemory: integer(
    268_435_456,
    'Bytes of memory for requests longer than 64 KiB that a process takes at the same time; one that finds no room gets status 503; 0 means no limit',
  ),
  DownloadRate: integer(
    1024,
    'Bytes a second that a client has to take of a file below /kojifiles, on average over DownloadTimeout',
  ),
  DownloadTimeout: integer(120, 'Seconds over which DownloadRate is measured; 0 for no limit'),
  AnswerTimeout: integer(3600, 'Seconds that a client may take to read a whole answer'),
  MaxAnswerLength: integer(
    2_147_483_648,
    'Largest answer in bytes; a longer one becomes a fault, or ends the connection if part of it is sent; 0 means no limit',
  ),
  AnswerMemory: integer(
    67_108_864,
    'Bytes of memory for answers that clients have not read yet; what is more waits in temporary files',
  ),
  AnswerFiles: integer(
    17_179_869_184,
    'Bytes of those temporary files; when they are full, the client that has read nothing for longest is disconnected; 0 means no limit',
  ),
  AnswerFolder: text(null, 'Folder of those temporary files; unset takes the temporary folder of the system'),
  MaxConnections: integer(2000, 'Connections of clients that a process takes at a time; 0 means no limit'),
  MaxHeaderLength: integer(16_384, 'Largest accepted headers of a request in bytes'),
  HeaderTimeout: integer(60, 'Seconds that a client may take to send the headers of a request'),
  KeepAliveTimeout: integer(65, 'Seconds that a connection stays open without a request'),
  HousekeepingInterval: integer(
    86400,
    'Seconds after which a hub removes what the options below do not keep; 0 leaves that to koji-hub housekeeping',
  ),
  KeepSessions: integer(
    30,
    'Days for which sessions without a call are kept; 0 for ever, as for all of these',
  ),
  KeepTokens: integer(365, 'Days for which it is kept which tokens were revoked or have expired'),
  KeepReservations: integer(1, 'Days for which reservations of builds by content generators are kept'),
  KeepSchedulerLog: integer(7, "Days for which lines of the scheduler's log are kept"),
  KeepBuildrootLists: integer(
    0,
    'Days for which it is kept what was in retired buildroots from which no package is kept, as those of scratch builds',
  ),
  KeepTasks: integer(
    0,
    'Days for which ended tasks are kept that no build, repository or kept buildroot comes from',
  ),
  KeepTaskFiles: integer(0, 'Days for which logs and other files of ended tasks are kept'),
  KeepScratchBuilds: integer(
    0,
    'Days after the end of their task for which files of scratch builds are kept',
  ),
  KeepUploads: integer(0, 'Days for which uploads of the koji command are kept that nothing became of'),
  StopDelay: integer(
    0,
    'Seconds for which a stopping hub continues to answer, while /readyz returns 503, so that a load balancer sends it no more requests',
  ),
  LongReads: integer(
    4,
    'Lists and searches that a process reads from the database at the same time; others wait, while lookups by name or id go on',
  ),
  DatabaseConnections: integer(
    10,
    'Connections of each process to PostgreSQL, at least three more than LongReads: two are for lookups only, one for writes',
  ),
  MaxMultiCalls: integer(
    100_000,
    'Most calls in a multicall, those of multicalls within it included; 0 means no limit',
  ),
  ProxyUsers: words(
    [],
    'Space list of users that may log in other users, with their own password and `proxyuser` in the options of `login`, as a koji-web alone before this hub does',
  ),
  Web: boolean(true, 'Whether the hub has a web page'),
  WebPath: text('/koji', 'Path of the web page'),
  ...siteOptions,
  MetricsFrom: words(
    ['127.0.0.1', '::1'],
    'Space list of addresses that may read /metrics, * for any; empty counts nothing',
  ),
  SlowStatement: integer(
    1000,
    'Milliseconds after which a statement of the database is slow: it is logged with the plan that the database has for it; 0 logs none',
  ),
  Tracing: boolean(
    false,
    'Whether calls and statements become spans of OpenTelemetry; what exports them is loaded into the process by `node --import`',
  ),
  LogFile: text(null, 'File to append the log to; unset writes to standard error'),
};

/** The values of {@link hubOptions}. */
export type HubOptions = OptionValues<typeof hubOptions>;
