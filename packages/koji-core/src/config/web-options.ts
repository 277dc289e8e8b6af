import { proxyOptions } from './login-options.js';
import { boolean, choice, folders, integer, names, secret, text, withoutEffect, words } from './options.js';
import type { OptionValues } from './options.js';

/** Name and appearance of a web page, both in hub.conf and in web.conf. */
export const siteOptions = {
  SiteName: text('Koji', 'Web page: name in titles and feeds'),
  KojiGreeting: text('Welcome to Koji', 'Web page: heading of the overview'),
  KojiFilesURL: text(
    null,
    'Web page: base of links to files, such as https://koji.example/kojifiles; unset takes /kojifiles beside the page',
  ),
  HiddenUsers: words([], 'Web page: space list of ids of users whose tasks are not on the overview'),
  Tasks: names([], 'Web page: further task methods to filter by'),
  ParentTasks: names([], 'Web page: further task methods that have subtasks, for the list as a tree'),
  ToplevelTasks: withoutEffect(
    names([], 'Web page: further task methods that can have no parent'),
    'the list of tasks without parents can be filtered by any method that is not a subtask of Koji',
  ),
  WebPlugins: words([], 'Web page: space list of plugins that add pages and panels to it'),
  HeavyPages: integer(
    120,
    'Web page: pages that cost the hub much (reports, searches, comparisons, whole tags) that an address may ask for in a minute; 0 means no limit',
  ),
  LoginDisabled: boolean(false, 'Web page: nobody can log in'),
  LoginTimeout: integer(72, 'Web page: hours without a request after which a login ends'),
  LoginLifetime: integer(720, 'Web page: hours after which a login ends in any case'),
  UserHeader: text(
    null,
    'Web page: header in which a proxy of TrustedProxies names the user, such as X-Remote-User; the proxy must remove it from what clients send',
  ),
  OIDCIssuer: text(
    null,
    'Web page: issuer of an OpenID Connect provider that people log in with, such as https://id.example.com/realms/main; unset means none',
  ),
  OIDCName: text('single sign-on', 'Web page: what the page calls the provider'),
  OIDCClientID: text(null, 'Web page: id of this page at the provider'),
  OIDCClientSecret: secret(
    text(
      null,
      'Web page: secret of this page at the provider: file:PATH reads it from a file, env:NAME from the environment, anything else is the secret itself',
    ),
  ),
  OIDCClientAuth: choice(
    'basic',
    ['post'],
    'Web page: how the secret is sent to the provider, as client_secret_basic or client_secret_post',
  ),
  OIDCRedirectURL: text(
    null,
    'Web page: where the provider sends people back to, as it is registered there: the address of the page and oidccallback, such as https://koji.example.com/koji/oidccallback',
  ),
  OIDCScopes: words(['openid', 'profile'], 'Web page: space list of scopes to ask the provider for'),
  OIDCUserClaim: text(
    'preferred_username',
    "Web page: claim with the name of the user at the hub; it must be one that people can't choose themselves",
  ),
  OIDCGroupsClaim: text('groups', 'Web page: claim with the groups of the user; dots lead into structs'),
  OIDCPermissions: text(
    '',
    'Web page: permissions that groups of the provider have at the hub, with | between the groups: `koji-admins = admin | releng = tag target`. Each login grants and revokes these permissions; others stay as they are',
  ),
  OIDCCreatesUsers: boolean(
    false,
    'Web page: create users at the hub who log in with the provider for the first time',
  ),
};

/** The values of {@link siteOptions}. */
export type SiteOptions = OptionValues<typeof siteOptions>;

/** The options of web.conf, section `web`, for a standalone web page. */
export const webOptions = {
  KojiHubURL: text('http://localhost/kojihub', 'Hub url'),
  Listen: text('127.0.0.1:8081', 'Address and port to answer at; port 0 takes a free one'),
  WebPath: text('/koji', 'Path of the web page'),
  ...siteOptions,
  PluginPath: folders(
    ['/usr/lib/koji-web-plugins'],
    'Colon list of directories with plugins of the web page',
  ),
  ...proxyOptions,
  WebCert: text(
    null,
    'File with the certificate and key, as PEM, for logging in users of UserHeader or OIDCIssuer at a hub whose ProxyDNs lists it',
  ),
  WebUser: text(
    null,
    'User of the page, with WebPassword, for the same purpose at a hub whose ProxyUsers lists it',
  ),
  WebPassword: secret(text(null, 'Password of WebUser: file:PATH, env:NAME, or the password itself')),
  KojiHubCA: text(null, "File with the certificates of authorities that sign the hub's"),
  HubTimeout: integer(60, 'Seconds that the hub may take to answer a call'),
  LogLevel: text('WARNING', 'Log level'),
  LogFile: text(null, 'File to append the log to; unset writes to standard error'),
  LogFormat: text(
    '%(asctime)s [%(levelname)s] %(name)s: %(message)s',
    'Pattern of log lines; json makes each an object of JSON with everything that is known',
  ),
};

/** The values of {@link webOptions}. */
export type WebOptions = OptionValues<typeof webOptions>;
