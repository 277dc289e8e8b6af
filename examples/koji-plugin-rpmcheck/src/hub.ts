import { ParameterError } from '@koji/plugin-sdk/koji';
import { callback, context, exported, option, pluginConfig } from '@koji/plugin-sdk';
import type { RpmCheckTask } from './builder.js';

const config = pluginConfig('rpmcheck', {
  rpmcheck: {
    permission: option.text('build', 'The permission that a caller needs; none when empty'),
    check_imports: option.boolean(false, 'Every imported RPM gets a task of its own'),
  },
});

/**
 * Makes a task that checks an uploaded RPM, by its path below the hub's `work` folder.
 *
 * @returns the id of the task
 */
export const checkRPM = exported({ doc: 'Check digests and signatures of an uploaded RPM.' })((
  path: string,
) => {
  context.session.assertLogin();
  const { permission } = config.rpmcheck;
  if (permission !== '') context.session.assertPerm(permission);
  if (typeof path !== 'string' || path === '' || path.startsWith('/') || path.split('/').includes('..'))
    throw new ParameterError(`checkRPM: ${JSON.stringify(path)} is not a path below the work folder`);
  return context.makeTask('rpmcheck', [`work/${path}`], { arch: 'noarch' });
});

/** Records every imported RPM, and starts its check if configured. */
export const onImport = callback('postImport', async (event, payload) => {
  if (payload.type !== 'rpm' || payload.filepath === null) return;
  const { rpm, build } = payload;
  const nvra = `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`;
  if (!config.rpmcheck.check_imports) {
    context.log.info(`rpmcheck: ${nvra} was imported and is not checked`);
    return;
  }
  const volume = build.volume_name === 'DEFAULT' ? '' : `vol/${build.volume_name}/`;
  const folder = `${volume}packages/${build.name}/${build.version}/${build.release}/${rpm.arch}`;
  // The task exists once the import has committed, and so does the file.
  const task = await context.makeTask('rpmcheck', [`${folder}/${nvra}.rpm`], { arch: 'noarch' });
  context.log.info(`rpmcheck: ${nvra} was imported and is checked by task ${task}`);
});

declare module '@koji/core/api' {
  interface Api {
    checkRPM: typeof checkRPM;
  }
  interface TaskHandlers {
    rpmcheck: RpmCheckTask['handler'];
  }
}
