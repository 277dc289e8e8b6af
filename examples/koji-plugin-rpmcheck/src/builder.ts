import { GenericError, RpmError } from '@koji/plugin-sdk/koji';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { checkRpm, textOf } from './report.js';
import type { RpmReport } from './report.js';

/** The result of a task `rpmcheck`; the complete report is its output `rpmcheck.json` and `rpmcheck.txt`. */
export interface RpmCheckResult {
  readonly nvra: string;
  readonly ok: boolean;
  /** Ids of the keys that signed it. */
  readonly sigkeys: string[];
}

/** Checks digests and signatures of one RPM of the hub, by its path below the hub's folder. */
export class RpmCheckTask extends BaseTaskHandler {
  static override readonly Methods = ['rpmcheck'];
  static override readonly _taskWeight = 0.5;

  async handler(path: string): Promise<RpmCheckResult> {
    const report = await this.check(path);
    await this.uploadText('rpmcheck.json', `${JSON.stringify(report, null, 2)}\n`);
    await this.uploadText('rpmcheck.txt', textOf(report));
    this.logger.info(`rpmcheck: ${report.nvra} is ${report.ok ? 'ok' : 'BAD'}`);
    return { nvra: report.nvra, ok: report.ok, sigkeys: report.signatures.map(({ sigkey }) => sigkey) };
  }

  private async check(path: string): Promise<RpmReport> {
    try {
      return await checkRpm(await this.localPath(path));
    } catch (error) {
      if (!(error instanceof RpmError)) throw error;
      throw new GenericError(`${path} is not an RPM: ${error.message}`, { cause: error });
    }
  }
}
