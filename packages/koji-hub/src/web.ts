/** The hub's own web page, which reads in this process, each page in one snapshot. */
import { clientAddress } from '@koji/core';
import { readOidcSettings } from '@koji/core/config';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import type { Web, WebOptions } from '@koji/web';
import type { Call, Hub } from './call.js';
import type { OwnCalls } from './own-calls.js';
import type { Transactions } from './server/transactions.js';
import { WebLogins } from './web-logins.js';

/** A web page and where it is. */
export interface MountedWeb extends Web {
  /** Its path, without a slash at its end. */
  readonly path: string;
}

/** A mounted page's access to the hub. */
interface WebParts {
  /** As nobody. */
  readonly own: OwnCalls;
  /** As the page itself, to let users in. */
  readonly admitting: OwnCalls;
  readonly file: string;
  readonly transactions: Transactions;
  readonly plugins: readonly LoadedPlugin[];
  /** Aborted when the hub stops. */
  readonly stopping: AbortSignal;
}

/** Opens the web page of a hub; null when the configuration turns it off. It is loaded by the first request for it. */
export function openWeb(
  hub: Hub,
  { own, admitting, file, transactions, plugins, stopping }: WebParts,
): MountedWeb | null {
  const { Web, WebPath, SiteName, KojiGreeting, KojiFilesURL, HiddenUsers, Tasks } = hub.options;
  const { ParentTasks, HeavyPages, TrustedProxies } = hub.options;
  if (!Web) return null;
  const path = `/${WebPath.split('/').filter(Boolean).join('/')}`;
  const up = '../'.repeat(path.split('/').length - 1);
  const site = {
    name: SiteName,
    greeting: KojiGreeting,
    filesUrl: (KojiFilesURL ?? `${up}kojifiles`).replace(/\/+$/, ''),
    hiddenUsers: HiddenUsers.map(Number).filter(Number.isInteger),
    taskMethods: Tasks,
    parentTasks: ParentTasks,
  };
  const load = async (): Promise<Web> => {
    const { callsBy, createWeb } = await import('@koji/web');
    const callsOf = (call: Call) => callsBy((method, args, keywords) => call.invoke(method, args, keywords));
    const read: WebOptions['read'] = (work) => own.read((call) => work(callsOf(call)), { long: true });
    const { LoginDisabled, LoginLifetime, UserHeader, CallbackFailureLimit, CallbackPause } = hub.options;
    const changing = (call: Call) =>
      callsBy((method, args, keywords) => {
        // Each call has its own, as a client's: a row changes once in an event.
        call.nextEvent();
        return call.invoke(method, args, keywords);
      });
    const logins = new WebLogins({ hub, transactions, admitting, signal: stopping }, changing);
    return createWeb({
      path,
      site,
      read,
      address: (request) => clientAddress(request, hub.options),
      heavyPages: HeavyPages,
      login: LoginDisabled
        ? null
        : {
            logins,
            lifetime: LoginLifetime,
            proxy: UserHeader === null ? null : { header: UserHeader, addresses: TrustedProxies },
            oidc: readOidcSettings(hub.options, { file, section: 'hub' }).settings,
          },
      log: hub.logger('koji.web'),
      stopping,
      plugins,
      pluginRules: {
        activity: hub.activity,
        circuit: { limit: CallbackFailureLimit, pause: CallbackPause * 1000 },
        offUntil: (plugin) => hub.switches.offUntil(plugin),
      },
    });
  };
  let loaded: Promise<Web> | null = null;
  return {
    path,
    handle: async (request, response) => {
      loaded ??= load();
      await (await loaded).handle(request, response);
    },
  };
}
