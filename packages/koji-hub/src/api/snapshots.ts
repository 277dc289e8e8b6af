import type { SnapshotMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { copyTag, updateCopy } from '../domain/tagging/snapshots.js';

/** Handlers of the methods that copy tags. */
export const snapshots: Handlers<SnapshotMethods> = {
  async snapshotTag({ src, dst, latest_only: latest, inherit_builds: inherit, ...parts }, call) {
    await copyTag(call, src, dst, { ...parts, latest, inherit });
    return null;
  },

  async snapshotTagModify({ src, dst, latest_only: latest, inherit_builds: inherit, ...parts }, call) {
    await updateCopy(call, src, dst, { ...parts, latest, inherit });
    return null;
  },
};
