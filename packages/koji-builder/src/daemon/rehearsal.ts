import { Readable } from 'node:stream';
import { faultToWire } from '@koji/core';
import { kojidOptions, readOptions } from '@koji/core/config';
import {
  decodeArgs,
  decodeCall,
  decodeResponseFrom,
  encodeArgs,
  encodeCall,
  encodeFault,
  encodeResponse,
} from '@koji/core/wire';
import { openBuilderLog } from '../config.js';
import { loadTasks } from '../tasks/load.js';

/** Does what every process of a task does, so that V8 keeps this code compiled. Leaves nothing open. */
export async function rehearse(): Promise<void> {
  const place = { file: 'kojid.conf', section: 'kojid' };
  const options = readOptions(kojidOptions, new Map([['logfile', '/dev/null']]), place);
  const log = openBuilderLog(options, { direct: true });
  await loadTasks(options, { folder: '/' }, log.logger);
  log.logger('koji.build.sleep').info('task %d sleeps for %s seconds', 1, 0);
  const { params } = decodeCall(
    Buffer.from(encodeCall('sleep', encodeArgs([0.5, null, 'text', { a: true }]))),
  );
  decodeArgs(params);
  const answers = [encodeResponse([null, { id: 1, name: 'text' }]), encodeFault(1, 'text')];
  for (const answer of answers)
    await decodeResponseFrom(Readable.from([Buffer.from(answer)])).catch((error: unknown) =>
      faultToWire(error),
    );
  await log.close();
}
