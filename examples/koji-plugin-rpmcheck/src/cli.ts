import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { exportCli } from '@koji/plugin-sdk';
import type { CliTools, HubSession } from '@koji/plugin-sdk';
import type {} from './hub.js';

/** `koji rpm-check FILE…`: uploads RPMs, has them checked and prints the reports. Exit code 1 when one is bad. */
export const handle_rpm_check = exportCli({
  help: 'Check digests and signatures of RPM files on a builder',
  group: 'misc',
  usage: 'FILE [FILE …]',
})(async (options, session, files, tools) => {
  const missing = files.filter((file) => !existsSync(file));
  if (files.length === 0) tools.warn('usage: koji rpm-check FILE [FILE …]');
  for (const file of missing) tools.warn(`no such file: ${file}`);
  if (files.length === 0 || missing.length > 0) return 2;
  let bad = 0;
  for (const file of files) if (!(await checkOne(file, session, tools))) bad += 1;
  return bad > 0 ? 1 : 0;
});

async function checkOne(file: string, session: HubSession, tools: CliTools): Promise<boolean> {
  const folder = `cli-rpmcheck/${Date.now()}.${randomBytes(4).toString('hex')}`;
  const path = await tools.upload(file, folder);
  const task = await session.checkRPM(path);
  tools.print(`task ${task} checks ${file}`);
  if ((await tools.watchTasks([task], { quiet: true })) !== 0) {
    const fault = await session.getTaskResult(task, false);
    tools.warn(`${file}: ${'faultString' in fault ? fault.faultString : `task ${task} was cancelled`}`);
    return false;
  }
  tools.print(
    Buffer.from(await tools.taskOutput(task, 'rpmcheck.txt'))
      .toString('utf8')
      .trimEnd(),
  );
  const { ok } = await session.getTaskResult(task);
  return ok;
}
