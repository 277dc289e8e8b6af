import { BUILD_STATES, PathInfo, nameOf } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { buildLabel } from '@koji/client/text';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { sendMail, type Mail } from '../mail.js';
import { buildText, readBuildTasks, type NotifiedBuild } from './build-report.js';

abstract class NotificationTask extends BaseTaskHandler {
  static override readonly _taskWeight = 0.1;

  protected async send(recipients: readonly string[], mail: Omit<Mail, 'to'>): Promise<void> {
    const refused = await sendMail(this.options, { ...mail, to: recipients });
    if (refused.length > 0) this.logger.warn(`the mail server did not take: ${refused.join(', ')}`);
  }
}

/** Mails that a build was tagged, untagged or moved, or that it failed. */
export class TagNotificationTask extends NotificationTask {
  static override readonly Methods = ['tagNotification'];

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    recipients: readonly string[],
    is_successful: boolean,
    tag_info: number | string | null,
    from_info: number | string | null,
    build_info: number | string,
    user_info: number | string,
    ignore_success: boolean | null = null,
    failure_msg = '',
  ): Promise<string | null> {
    if (recipients.length === 0 || (ignore_success && is_successful)) return null;
    const { session } = this;
    const build = await session.getBuild(build_info, true);
    const user = ((await session.call('getUser', [user_info, true])) as { name: string }).name;
    const nameOfTag = async (tag: number | string): Promise<string> =>
      ((await session.call('getTag', [tag, true])) as { name: string }).name;
    const from = from_info ? await nameOfTag(from_info) : null;
    const into = tag_info ? await nameOfTag(tag_info) : null;
    await this.send(
      recipients,
      tagMail({ build, user, from, into, failure: is_successful ? null : failure_msg }),
    );
    return `sent notification of tag operation ${this.id} to: ${recipients.join(', ')}`;
  }
}

interface TagOperation {
  readonly build: BuildInfo;
  readonly user: string;
  readonly from: string | null;
  readonly into: string | null;
  /** Reason of the failure; null if the task succeeded. */
  readonly failure: string | null;
}

function tagMail({ build, user, from, into, failure }: TagOperation): Omit<Mail, 'to'> {
  const nvr = buildLabel(build);
  const action = from && into ? 'moved' : into ? 'tagged' : 'untagged';
  const where = (from ? ` from ${from}` : '') + (into ? ` into ${into}` : '');
  const said = `${nvr} ${failure === null ? 'successfully' : 'unsuccessfully'} ${action}${where} by ${user}`;
  const status = failure === null ? 'complete' : 'failed';
  return {
    subject: said,
    headers: {
      'X-Koji-Package': build.package_name,
      'X-Koji-NVR': nvr,
      'X-Koji-Draft': pythonBool(build.draft),
      'X-Koji-User': user,
      'X-Koji-Status': status,
      'X-Koji-Tag': [from, into].filter((tag) => tag !== null),
    },
    text: [
      `Package: ${build.package_name}`,
      `NVR: ${nvr}`,
      `User: ${user}`,
      `Status: ${status}`,
      `Tag Operation: ${action}`,
      ...(from ? [`From Tag: ${from}`] : []),
      ...(into ? [`Into Tag: ${into}`] : []),
      '',
      said,
      ...(failure === null ? [] : [`Operation failed with the error:\n    ${failure}`]),
      '',
    ].join('\n'),
  };
}

/** Mails the end of a build with its tasks, their logs and the latest changelog entries. */
export class BuildNotificationTask extends NotificationTask {
  static override readonly Methods = ['buildNotification'];

  async handler(
    recipients: readonly string[],
    build: NotifiedBuild,
    target: { readonly dest_tag_name: string } | null,
    weburl: string,
  ): Promise<string | null> {
    if (recipients.length === 0) return null;
    const status = (nameOf(BUILD_STATES, build.state) ?? String(build.state)).toLowerCase();
    const tag = target?.dest_tag_name ?? 'None';
    const { owner_name: owner } = build;
    const nvr = buildLabel(build);
    // The user who cancels a build owns the task that sends the notification.
    const canceledBy = build.state === BUILD_STATES.CANCELED ? await this.owner() : null;
    const { topurl } = this.options;
    const report = {
      build,
      tag,
      status,
      canceledBy,
      weburl,
      buildurl: topurl ? new PathInfo(topurl).build({ ...build, name: build.package_name }) : null,
      ...(await readBuildTasks(this.session, build.task_id)),
      changelog: await this.session.getChangelogEntries(build.id, named({ queryOpts: { limit: 3 } })),
    };
    await this.send(recipients, {
      subject: `Package: ${nvr} Tag: ${tag} Status: ${status} Built by: ${owner}`,
      headers: {
        'X-Koji-Tag': tag,
        'X-Koji-Package': build.package_name,
        'X-Koji-Builder': owner,
        'X-Koji-Status': status,
        'X-Koji-Draft': pythonBool(build.draft),
      },
      text: buildText(report),
    });
    return `sent notification of build ${build.id} to: ${recipients.join(', ')}`;
  }

  private async owner(): Promise<string | null> {
    const { owner } = await this.taskInfo();
    return owner ? ((await this.session.call('getUser', [owner])) as { name: string }).name : null;
  }
}

/** Header values that people filter by are Koji's. */
const pythonBool = (value: unknown): string => (value ? 'True' : 'False');
