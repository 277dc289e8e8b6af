import { command } from '../command.js';
import { checkAddresses } from '../doctor/addresses.js';
import { checkCertificates } from '../doctor/certificates.js';
import type { Finding } from '../doctor/findings.js';
import { checkHub } from '../doctor/hub.js';
import { checkLogin } from '../doctor/login.js';
import { checkProfile } from '../doctor/profile.js';

const doctor = command({
  name: 'doctor',
  category: 'misc',
  extra: true,
  examples: ['doctor', 'doctor --json=check,status,remedy'],
  summary: 'Check the profile, the hub and the login, and print what is wrong and what to do',
  usage: `doctor [options]

Checks the values of the profile and where they come from, certificates, the hub, versions, the clock,
the login, and the addresses of files and pages. Exits with 1 if there is a problem.`,
  data: {
    adds: {
      check: 'what was checked',
      status: "'ok', 'warning' or 'problem'",
      text: 'what was found',
      remedy: 'remedy; null if none is needed',
      details: 'a struct with what the text is made of',
    },
  },
  options: {},
  async run({ args, session, global, print, data, usageError }) {
    if (args.length > 0) return usageError('This command takes no arguments');
    const found = [...checkProfile(global), ...checkCertificates(global)];
    const hub = await checkHub(session, global);
    found.push(...hub);
    // Without a hub there is no login, and one problem about it is enough.
    if (hub[0]?.status === 'ok') found.push(await checkLogin(session, global));
    found.push(...(await checkAddresses(global)));
    data(found);
    for (const line of found.flatMap(linesOf)) print(line);
    const problems = found.filter(({ status }) => status === 'problem').length;
    if (problems === 0) print('No problems found');
    else print(`${problems} problem${problems === 1 ? '' : 's'} found`);
    return problems > 0 ? 1 : 0;
  },
});

function linesOf({ check, status, text, remedy }: Finding): string[] {
  const mark = status === 'ok' ? '' : `${status}: `;
  return [`${mark}${check}: ${text}`, ...(remedy === null ? [] : [`  ${remedy}`])];
}

export const checking = [doctor];
