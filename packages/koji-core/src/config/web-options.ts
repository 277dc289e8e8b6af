import { proxyOptions } from './login-options.js';
import { boolean, choice, folders, integer, names, secret, text, withoutEffect, words } from './options.js';
import type { OptionValues } from './options.js';

/** Name and appearance of a web page, both in hub.conf and in web.conf. */
export const siteOptions = {
  SiteName: text('Koji', 'Web page: name in titles and feeds'),
  KojiGreeting: text('Welcome to Koji', 'Web page: heading of the overview'),
  KojiFilesURL: text(
    null,
    'Web page: base of links to files, such as https://koji.example/kojifiles; unset uses /kojifiles on the same server',
  ),
  HiddenUsers: words([], 'Web page: space list of ids of users whose tasks the overview hides'),
  Tasks: names([], 'Web page: additional task methods to filter by'),
  ParentTasks: names([], 'Web page: additional task methods that have subtasks, for the tree view'),
  ToplevelTasks: withoutEffect(
    names([], 'Web page: additional task methods that never have a parent'),
    'tasks without parents can be filtered by any method that is not a subtask of Koji',
  ),
  WebPlugins: words([], 'Web page: space list of plugins that add pages and panels'),
  HeavyPages: integer(
    120,
    'Web page: expensive pages (reports, searches, comparisons, whole tags) that an address may request per minute; 0 means no limit',
  ),
  LoginDisabled: boolean(false, 'Web page: turn logins off'),
  LoginTimeout: integer(72, 'Web page: hours without a request after which a login expires'),
  LoginLifetime: integer(720, 'Web page: hours after which a login expires in any case'),
  UserHeader: text(
    null,
    'Web page: header in which a proxy of TrustedProxies names the user, such as X-Remote-User; the proxy must remove it from what clients send',
  ),
  OIDCIssuer: text(
    null,
    'Web page: issuer of an OpenID Connect provider that people log in with, such as https://id.example.com/realms/main; unset means none',
  ),
  OIDCName: text('single sign-on', 'Web page: display name of the provider'),
  OIDCClientID: text(null, 'Web page: client id of this page at the provider'),
  OIDCClientSecret: secret(
    text(
      null,
      'Web page: client secret of this page at the provider: file:PATH, env:NAME, or the secret itself',
    ),
  ),
  OIDCClientAuth: choice(
    'basic',
    ['post'],
    'Web page: how the secret is sent to the provider, as client_secret_basic or client_secret_post',
  ),
  OIDCRedirectURL: text(
    null,
    'Web page: redirect URL registered at the provider: the address of the page followed by /oidccallback, such as https://koji.example.com/koji/oidccallback',
  ),
  OIDCScopes: words(['openid', 'profile'], 'Web page: space list of scopes to request from the provider'),
  OIDCUserClaim: text(
    'preferred_username',
    "Web page: claim with the user's name at the hub; users must not be able to choose its value",
  ),
  OIDCGroupsClaim: text('groups', 'Web page: claim with the groups of the user; dots lead into structs'),
  OIDCPermissions: text(
    '',
    'Web page: hub permissions of groups at the provider, with | between groups: `koji-admins = admin | releng = tag target`. Each login grants and revokes these permissions and leaves others unchanged',
  ),
  OIDCCreatesUsers: boolean(false, 'Web page: create a hub user at the first login through the provider'),
};

/** The values of {@link siteOptions}. */
export type SiteOptions = OptionValues<typeof siteOptions>;

/** The options of web.conf, section `web`, for a standalone web page. */
export const webOptions = {
  KojiHubURL: text('http://localhost/kojihub', 'Hub url'),
  Listen: text('127.0.0.1:8081', 'Address and port to listen on; port 0 picks a free port'),
  WebPath: text('/koji', 'Path of the web page'),
  ...siteOptions,
  PluginPath: folders(
    ['/usr/lib/koji-web-plugins'],
    'Colon list of directories with plugins of the web page',
  ),
  ...proxyOptions,
  WebCert: text(
    null,
    "PEM file with a certificate that the hub's ProxyDNs lists, and its key; logs in users of UserHeader or OIDCIssuer",
  ),
  WebUser: text(null, "User that the hub's ProxyUsers lists, for the same purpose; needs WebPassword"),
  WebPassword: secret(text(null, 'Password of WebUser: file:PATH, env:NAME, or the password itself')),
  KojiHubCA: text(null, "File with the certificates of the authorities that signed the hub's certificate"),
  HubTimeout: integer(60, 'Seconds that the hub may take to answer a call'),
  LogLevel: text('WARNING', 'Log level'),
  LogFile: text(null, 'File to append the log to; unset writes to standard error'),
  LogFormat: text(
    '%(asctime)s [%(levelname)s] %(name)s: %(message)s',
    'Pattern of log lines; json writes each as a JSON object with all fields',
  ),
};

/** The values of {@link webOptions}. */
export type WebOptions = OptionValues<typeof webOptions>;
