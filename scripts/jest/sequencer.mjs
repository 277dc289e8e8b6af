// Starts the files first that take longest, so that no worker is left with one of them at the end.
import Sequencer from '@jest/test-sequencer';

/** Those with the longest way to their end first, by a part of their path. */
const slow = [
  'test/publish.test',
  'test/docs-plugins.test',
  'koji-builder/test/e2e-build.test',
  'test/packages.test',
  'test/quickstart.test',
  'koji-web/test/pages.test',
  'koji-hub/test/worst-calls',
  'koji-plugin-kiwi/test/builder.test',
  'koji-hub/test/hub-command.test',
  'koji-hub/test/rolling-restart.test',
  'koji-hub/test/scheduler-simulation.test',
  'koji-create-plugin/test/create.test',
  'koji-hub/test/hostile-texts',
  'koji-hub/test/statement-counts.test',
  'koji-builder/test/build.test',
  'test/kill-loop.test',
  'koji-core/test/wire-hostile.test',
  'koji-builder/test/daemon.test',
  'koji-hub/test/files.test',
  'test/typescript.test',
  'koji-dev/test/dev.test',
  'koji-hub/test/repo-care.test',
  'koji-hub/test/inheritance-model.test',
  'koji-hub/test/foreign-tasks',
  'koji-hub/test/stalled-readers',
  'koji-builder/test/sandbox',
  'koji-plugin-messagebus/test/messagebus.test',
  'koji-builder/test/image.test',
  'test/docs-code.test',
  'koji-hub/test/schema.test',
  'koji-hub/test/database.test',
  'koji-plugin-sdk/test/types.test',
  'koji-hub/test/logins.hostile',
  'koji-builder/test/tasks.test',
  'koji-builder/test/repos.test',
  'koji-builder/test/watch.test',
  'koji-builder/test/restart.test',
  'koji-builder/test/notifications.test',
  'koji-builder/test/dist-repo.test',
  'koji-builder/test/builder.test',
  'koji-plugin-runroot/test/builder.test',
  'koji-plugin-dud/test/builder.test',
  'koji-client/test/koji.test',
];

const rank = ({ path }) => {
  const place = slow.findIndex((part) => path.includes(`/${part}`));
  return place < 0 ? slow.length : place;
};

export default class extends Sequencer {
  /** As jest sorts them, by what it remembers of earlier runs or by size; then those of the list first. */
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b));
  }
}
