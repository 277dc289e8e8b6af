import { BaseTaskHandler } from '@koji/plugin-sdk';

/** Lists what one tag has and another has not; the whole list is the task's output `difference.txt`. */
export class CompareTags extends BaseTaskHandler {
  static override readonly Methods = ['compareTags'];
  static override readonly _taskWeight = 0.2;

  async handler(before: string, after: string): Promise<{ added: string[]; removed: string[] }> {
    const [old, now] = [await this.latest(before), await this.latest(after)];
    const added = [...now].filter((nvr) => !old.has(nvr)).sort();
    const removed = [...old].filter((nvr) => !now.has(nvr)).sort();
    this.logger.info(`${added.length} builds more and ${removed.length} less in ${after} than in ${before}`);
    const lines = [...added.map((nvr) => `+ ${nvr}\n`), ...removed.map((nvr) => `- ${nvr}\n`)];
    await this.uploadText('difference.txt', lines.join(''));
    return { added, removed };
  }

  private async latest(tag: string): Promise<Set<string>> {
    const builds = await this.session.getLatestBuilds(tag);
    return new Set(builds.map(({ nvr }) => nvr));
  }
}
