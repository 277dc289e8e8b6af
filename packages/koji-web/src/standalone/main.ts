#!/usr/bin/env node
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ClientSession } from '@koji/client';
import {
  ConfigError,
  clientAddress,
  logFormatter,
  logLevelNamed,
  messageOf,
  onReloadSignal,
  onStopSignal,
  openLog,
  openServiceNotices,
} from '@koji/core';
import type { LogFormatter, Logger } from '@koji/core';
import type { WebOptions } from '@koji/core/config';
import { describeProblem, loadPlugins, showTaskArguments } from '@koji/plugin-sdk/host';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import { pageNames } from '../page-names.js';
import { createWeb } from '../server.js';
import { readWebConfig } from './config.js';
import type { WebConfig } from './config.js';
import { ClientLogins } from './logins.js';
import { Service, sessionCalls } from './service.js';
import type { HubAccess } from './service.js';

const usage = `Usage: koji-web --config FILE

Serves Koji's web page in front of the hub that FILE names, section [web]: KojiHubURL, KojiFilesURL, Listen, WebPath, SiteName.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help || values.config === undefined) {
    (values.help ? process.stdout : process.stderr).write(usage);
    process.exit(values.help ? 0 : 2);
  }
  const config = readWebConfig(path.resolve(values.config));
  const { file, options, oidc } = config;
  const log = openLog({
    levels: new Map([['koji', logLevelNamed(options.LogLevel)]]),
    format: formatOf(config),
    ...(options.LogFile === null ? {} : { file: path.resolve(path.dirname(file), options.LogFile) }),
  });
  onReloadSignal(log.reopen);
  const notices = openServiceNotices();
  const access = accessOf(config);
  const session = new ClientSession(access.hubUrl, access.session);
  const calls = sessionCalls(session, access);
  const logins = new ClientLogins({
    access,
    calls,
    service: config.service && new Service(access, config.service),
    idleHours: options.LoginTimeout,
    lifetime: options.LoginLifetime,
  });
  const at = `/${options.WebPath.split('/').filter(Boolean).join('/')}`;
  const stopping = new AbortController();
  const web = createWeb({
    path: at,
    site: {
      name: options.SiteName,
      greeting: options.KojiGreeting,
      filesUrl: (options.KojiFilesURL ?? options.KojiHubURL.replace(/kojihub\/?$/, 'kojifiles')).replace(
        /\/+$/,
        '',
      ),
      hiddenUsers: options.HiddenUsers.map(Number).filter(Number.isInteger),
      taskMethods: options.Tasks,
      parentTasks: options.ParentTasks,
    },
    read: (work) => work(calls),
    plugins: await findPlugins(options, { file, logger: log.logger }),
    address: (request) => clientAddress(request, options),
    heavyPages: options.HeavyPages,
    login: options.LoginDisabled
      ? null
      : {
          logins,
          oidc,
          lifetime: options.LoginLifetime,
          proxy:
            options.UserHeader === null
              ? null
              : { header: options.UserHeader, addresses: options.TrustedProxies },
        },
    log: log.logger('koji.web'),
    stopping: stopping.signal,
  });
  const server = createServer((request, response) => {
    const pathName = (request.url ?? '').split('?')[0] ?? '';
    if (pathName === '/') response.writeHead(302, { Location: `.${at}/` }).end();
    else void web.handle(request, response);
  });
  const { host, port } = config;
  server.listen(port, host.replace(/^\[|\]$/g, '') || '0.0.0.0');
  await once(server, 'listening');
  console.log(`koji-web answers at http://${host}:${(server.address() as AddressInfo).port}${at}/`);
  onStopSignal(() => {
    void notices.stopping();
    stopping.abort();
    server.close();
    server.closeAllConnections();
    void Promise.all([session.close(), logins.closeAll()]).then(() => process.exit(0));
  });
  await notices.ready();
}

function formatOf({ file, options: { LogFormat } }: WebConfig): LogFormatter {
  try {
    return logFormatter(LogFormat);
  } catch (cause) {
    throw new ConfigError(`${file} [web] LogFormat = '${LogFormat}': ${messageOf(cause)}`, { cause });
  }
}

function accessOf({ file, options }: WebConfig): HubAccess {
  const { KojiHubURL: hubUrl, KojiHubCA, HubTimeout: timeout } = options;
  const trust = KojiHubCA === null ? {} : { serverCa: path.resolve(path.dirname(file), KojiHubCA) };
  return { hubUrl, timeout, session: { ...trust, maxRetries: 1 } };
}

async function findPlugins(
  { WebPlugins, PluginPath }: WebOptions,
  { file, logger }: { readonly file: string; readonly logger: (name: string) => Logger },
): Promise<readonly LoadedPlugin[]> {
  const from = path.dirname(file);
  const { plugins, problems } = await loadPlugins({
    part: 'web',
    names: WebPlugins,
    folders: PluginPath.map((folder) => path.resolve(from, folder)),
    from,
    logger,
    taken: { webPages: pageNames },
  });
  if (problems.length > 0) throw new ConfigError(problems.map(describeProblem).join('\n'));
  showTaskArguments(plugins);
  return plugins;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `koji-web: ${error instanceof ConfigError ? error.message : String((error as Error).stack)}\n`,
  );
  process.exit(1);
});
