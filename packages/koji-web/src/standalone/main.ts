#!/usr/bin/env node
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ClientSession } from '@koji/client';
import {
  ConfigError,
  clientAddress,
  logFormatter,
  logLevelNamed,
  messageOf,
  onStopSignal,
  openLog,
} from '@koji/core';
import { parseIni, readOptions, webOptions } from '@koji/core/config';
import type { Logger } from '@koji/core';
import type { WebOptions } from '@koji/core/config';
import { describeProblem, loadPlugins, showTaskArguments } from '@koji/plugin-sdk/host';
import type { LoadedPlugin } from '@koji/plugin-sdk/host';
import { pageNames } from '../page-names.js';
import { callsBy } from '../calls.js';
import { createWeb } from '../server.js';
import { ClientLogins } from './logins.js';

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
  const file = path.resolve(values.config);
  const sections = parseIni([{ file, text: readConfig(file) }]);
  const options = readOptions(webOptions, sections.get('web') ?? new Map<string, string>(), {
    file,
    section: 'web',
  });
  const log = openLog({
    levels: new Map([['koji', logLevelNamed(options.LogLevel)]]),
    format: logFormatter('%(asctime)s [%(levelname)s] %(name)s: %(message)s'),
    ...(options.LogFile === null ? {} : { file: path.resolve(path.dirname(file), options.LogFile) }),
  });
  for (const name of ['LoginTimeout', 'LoginLifetime'] as const)
    if (options[name] < 1) throw new ConfigError(`${file} [web] ${name} = ${options[name]}: at least 1`);
  const sessionOptions = {
    ...(options.KojiHubCA === null ? {} : { serverca: options.KojiHubCA }),
    maxRetries: 1,
  };
  const session = new ClientSession(options.KojiHubURL, sessionOptions);
  const logins = new ClientLogins({
    hubUrl: options.KojiHubURL,
    session: sessionOptions,
    timeout: options.HubTimeout,
    idleHours: options.LoginTimeout,
    lifetime: options.LoginLifetime,
  });
  const calls = callsBy((method, args, keywords) =>
    session.call(method, args, keywords, { retry: false, timeout: options.HubTimeout }),
  );
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
    },
    read: (work) => work(calls),
    plugins: await findPlugins(options, { file, logger: log.logger }),
    address: (request) => clientAddress(request, options.TrustedProxies),
    heavyPages: options.HeavyPages,
    login: options.LoginDisabled ? null : { logins, lifetime: options.LoginLifetime, proxy: null },
    log: log.logger('koji.web'),
    stopping: stopping.signal,
  });
  const server = createServer((request, response) => {
    const pathName = (request.url ?? '').split('?')[0] ?? '';
    if (pathName === '/') response.writeHead(302, { Location: `.${at}/` }).end();
    else void web.handle(request, response);
  });
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(options.Listen.trim()) ?? [];
  if (port === '') throw new ConfigError(`${file} [web] Listen = '${options.Listen}': not ADDRESS:PORT`);
  server.listen(Number(port), host.replace(/^\[|\]$/g, '') || '0.0.0.0');
  await once(server, 'listening');
  console.log(`koji-web answers at http://${host}:${(server.address() as AddressInfo).port}${at}/`);
  onStopSignal(() => {
    stopping.abort();
    server.close();
    server.closeAllConnections();
    void Promise.all([session.close(), logins.closeAll()]).then(() => process.exit(0));
  });
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

function readConfig(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`Config file ${file} can't be opened: ${messageOf(cause)}`, { cause });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `koji-web: ${error instanceof ConfigError ? error.message : String((error as Error).stack)}\n`,
  );
  process.exit(1);
});
