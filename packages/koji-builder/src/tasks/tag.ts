import { faultToWire } from '@koji/core';
import { BaseTaskHandler } from '@koji/plugin-sdk';

/** Tags a build on behalf of the task's owner; `koji tag-build` makes these. */
export class TagBuildTask extends BaseTaskHandler {
  static override readonly Methods = ['tagBuild'];

  // eslint-disable-next-line max-params -- the order of a task's arguments is Koji's
  async handler(
    tag_id: number | string,
    build_id: number | string,
    force = false,
    fromtag: number | string | null = null,
    ignore_success = false,
  ): Promise<null> {
    const { session } = this;
    const { owner } = await this.taskInfo();
    const notify = (ok: boolean, problem: string): Promise<unknown> =>
      session.call('host.tagNotification', [ok, tag_id, fromtag, build_id, owner, ignore_success, problem]);
    try {
      await session.getBuild(build_id, true);
      await session.getTag(tag_id, true);
      await session.call('host.tagBuild', [this.id, tag_id, build_id], { force, fromtag });
    } catch (error) {
      await notify(false, faultToWire(error).faultString);
      throw error;
    }
    await notify(true, '');
    return null;
  }
}
