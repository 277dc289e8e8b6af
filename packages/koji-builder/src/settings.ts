import { kojidOptions, readOptions } from '@koji/core/config';
import type { KojidOptions } from '@koji/core/config';
import type { BaseTaskHandler } from '@koji/plugin-sdk';

/** The settings of a task's builder; in tests, the given settings and kojid's defaults. */
export function settingsOf({ options }: BaseTaskHandler): KojidOptions {
  return { ...readOptions(kojidOptions, new Map(), { file: 'kojid.conf', section: 'kojid' }), ...options };
}
