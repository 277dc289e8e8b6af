import type { HubConfig } from '@koji/core/config';
import { plainConfig } from '../commands.js';
import { openJournals } from '../domain/files/recovery.js';
import { openHub } from '../hub.js';
import { keepHouse } from './keeping.js';
import type { Housekept } from './keeping.js';

/** Does the work of `koji-hub housekeeping`. */
export async function housekeeping(
  config: HubConfig,
  how: { readonly apply: boolean },
): Promise<Housekept[]> {
  const open = await openHub(plainConfig(config));
  try {
    const journals = await openJournals(open.hub);
    open.closers.add('journals', () => journals.close());
    Object.assign(open.hub, { journals: journals.folder });
    return await keepHouse(open, how);
  } finally {
    await open.closers.closeAll();
  }
}
