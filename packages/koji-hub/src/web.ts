/** The hub's own web page, which reads in this process, each page in one snapshot. */
import { clientAddress } from '@koji/core';
import type { Web, WebOptions } from '@koji/web';
import type { Hub } from './call.js';
import type { OwnCalls } from './own-calls.js';

/** A web page and where it is. */
export interface MountedWeb extends Web {
  /** Its path, without a slash at its end. */
  readonly path: string;
}

/** Opens the web page of a hub; null when the configuration turns it off. It is loaded by the first request for it. */
export function openWeb(hub: Hub, own: OwnCalls, stopping: AbortSignal): MountedWeb | null {
  const { Web, WebPath, SiteName, KojiGreeting, KojiFilesURL, HiddenUsers, Tasks } = hub.options;
  const { HeavyPages, TrustedProxies } = hub.options;
  if (!Web) return null;
  const path = `/${WebPath.split('/').filter(Boolean).join('/')}`;
  const up = '../'.repeat(path.split('/').length - 1);
  const site = {
    name: SiteName,
    greeting: KojiGreeting,
    filesUrl: (KojiFilesURL ?? `${up}kojifiles`).replace(/\/+$/, ''),
    hiddenUsers: HiddenUsers.map(Number).filter(Number.isInteger),
    taskMethods: Tasks,
  };
  const load = async (): Promise<Web> => {
    const { callsBy, createWeb } = await import('@koji/web');
    const read: WebOptions['read'] = (work) =>
      own.read((call) => work(callsBy((method, args, keywords) => call.invoke(method, args, keywords))), {
        long: true,
      });
    return createWeb({
      path,
      site,
      read,
      address: (request) => clientAddress(request, TrustedProxies),
      heavyPages: HeavyPages,
      log: hub.logger('koji.web'),
      stopping,
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
