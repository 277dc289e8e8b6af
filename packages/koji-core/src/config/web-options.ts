import { boolean, folders, integer, text, words } from './options.js';
import type { OptionValues } from './options.js';

/** What a web page calls itself and shows, in hub.conf and web.conf alike. */
export const siteOptions = {
  SiteName: text('Koji', 'Web page: name in titles and feeds'),
  KojiGreeting: text('Welcome to Koji', 'Web page: heading of the overview'),
  KojiFilesURL: text(
    null,
    'Web page: base of links to files, such as https://koji.example/kojifiles; unset takes /kojifiles beside the page',
  ),
  HiddenUsers: words([], 'Web page: space list of ids of users whose tasks are not on the overview'),
  Tasks: words([], 'Web page: space list of further task methods to filter by'),
  WebPlugins: words([], 'Web page: space list of plugins that add pages and panels to it'),
  HeavyPages: integer(
    120,
    'Web page: pages that cost the hub much (reports, searches, comparisons, whole tags) that an address may ask for in a minute; 0 means no limit',
  ),
  LoginDisabled: boolean(false, 'Web page: nobody can log in'),
  LoginTimeout: integer(72, 'Web page: hours without a request after which a login ends'),
  LoginLifetime: integer(
    720,
    'Web page: hours after which a login ends in any case; SessionRenewalTimeout of the hub may end it sooner',
  ),
};

/** The values of {@link siteOptions}. */
export type SiteOptions = OptionValues<typeof siteOptions>;

/** The options of web.conf, section `web`, for a web page alone before a hub. */
export const webOptions = {
  KojiHubURL: text('http://localhost/kojihub', 'Hub url'),
  Listen: text('127.0.0.1:8081', 'Address and port to answer at; port 0 takes a free one'),
  WebPath: text('/koji', 'Path of the web page'),
  ...siteOptions,
  PluginPath: folders(
    ['/usr/lib/koji-web-plugins'],
    'Colon list of directories with plugins of the web page',
  ),
  TrustedProxies: words(
    [],
    'Space list of addresses of reverse proxies whose X-Forwarded-For header names the client',
  ),
  KojiHubCA: text(null, "File with the certificates of authorities that sign the hub's"),
  HubTimeout: integer(60, 'Seconds that the hub may take to answer a call'),
  LogLevel: text('WARNING', 'Log level'),
  LogFile: text(null, 'File to append the log to; unset writes to standard error'),
};

/** The values of {@link webOptions}. */
export type WebOptions = OptionValues<typeof webOptions>;
