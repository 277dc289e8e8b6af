import { BaseTaskHandler } from '@koji/plugin-sdk';

/** `koji make-task __name__ f44`: lists the latest builds of a tag. */
export class __Name__ extends BaseTaskHandler {
  static Methods = ['__name__'];
  static _taskWeight = 0.5;

  async handler(tag) {
    const builds = await this.session.getLatestBuilds(tag);
    this.logger.info(`${builds.length} builds are the latest in ${tag}`);
    await this.uploadText('builds.txt', builds.map(({ nvr }) => `${nvr}\n`).join(''));
    return builds.length;
  }
}
