import { readFile } from 'node:fs/promises';
import { ConfigError, messageOf } from '@koji/core';
import type { HubConfig } from '@koji/core/config';
import type { NamedBuild } from './collection.js';
import { commaList } from './config.js';
import type { GcConfig } from './config.js';
import { bare, sendMail } from './smtp.js';

const usualTemplate = `The following builds are unreferenced and will be deleted soon
unless they are tagged:

$builds

They belong to $owner. To keep a build, tag it.
`;

/** Mails to the owners of builds. */
export interface Notices {
  /** Sends a notice, or with `acts` off only reports it. */
  send(owner: string, builds: readonly NamedBuild[]): Promise<void>;
}

interface Parts {
  readonly config: GcConfig;
  readonly hubConfig: HubConfig;
  readonly acts: boolean;
  readonly line: (text: string) => void;
}

/**
 * Prepares the mails.
 *
 * @throws ConfigError for a template that can't be read, and for invalid addresses
 */
export async function openNotices({ config, hubConfig, acts, line }: Parts): Promise<Notices> {
  const { options } = config;
  if (!options.mail) return { send: () => Promise.resolve() };
  const domain = options.email_domain ?? hubConfig.options.EmailDomain;
  const web = (options.weburl ?? hubConfig.options.KojiWebURL).replace(/\/$/, '');
  const template =
    options.email_template === null ? usualTemplate : await readTemplate(options.email_template);
  const copies = commaList(options.cc_addr);
  const hidden = commaList(options.bcc_addr);
  for (const address of [options.from_addr, ...copies, ...hidden]) checkAddress(address);
  return {
    async send(owner, builds) {
      if (domain === null) {
        line(`no mail to ${owner}: set email_domain in koji-gc.conf or EmailDomain in hub.conf`);
        return;
      }
      const to = `${owner}@${domain}`;
      try {
        checkAddress(to);
        if (acts) {
          const text = compose({ owner, builds, web, template, to, copies, from: options.from_addr });
          await sendMail(serverOf(config), { from: options.from_addr, to: [to, ...copies, ...hidden], text });
        }
        line(`mail to ${to}: ${acts ? 'sent' : 'would be sent'}, ${builds.length} builds`);
      } catch (error) {
        line(`mail to ${to}: FAILED: ${messageOf(error)}`);
      }
    },
  };
}

async function readTemplate(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ConfigError(`email_template = ${file}: ${messageOf(cause)}`, { cause });
  });
}

function checkAddress(address: string): void {
  if (!/^[^\s<>@",;:]+@[^\s<>@",;:]+$/.test(bare(address)) || /[\r\n]/.test(address))
    throw new ConfigError(`'${address}' is no mail address`);
}

function serverOf({ options }: GcConfig) {
  const [, host = 'localhost', port = '25'] = /^(.*?)(?::(\d+))?$/.exec(options.smtp_host) ?? [];
  const { smtp_user: user, smtp_pass: password } = options;
  return { host, port: Number(port), login: user !== null && password !== null ? { user, password } : null };
}

interface Letter {
  readonly owner: string;
  readonly builds: readonly NamedBuild[];
  readonly web: string;
  readonly template: string;
  readonly from: string;
  readonly to: string;
  readonly copies: readonly string[];
}

function compose({ owner, builds, web, template, from, to, copies }: Letter): string {
  const list = builds.map(({ nvr, id }) => `Build: ${nvr}\n${web}/buildinfo?buildID=${id}`).join('\n\n');
  const values: Readonly<Record<string, string>> = { owner, builds: list };
  const body = template.replace(
    /\$(?:(\$)|(\w+)|\{(\w+)\})/g,
    (whole, dollar: string | undefined, plain: string | undefined, braced: string | undefined) =>
      dollar ?? values[plain ?? braced ?? ''] ?? whole,
  );
  const headers = [
    `Subject: ${builds.length === 1 ? '1 build' : `${builds.length} builds`} marked for deletion`,
    `From: ${from}`,
    `To: ${to}`,
    ...(copies.length > 0 ? [`Cc: ${copies.join(', ')}`] : []),
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `X-Koji-Builder: ${owner}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
  ];
  return `${headers.join('\n')}\n\n${body}`;
}
