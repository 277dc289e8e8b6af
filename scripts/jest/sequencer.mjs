// Starts the files first that take longest, so that no worker is left with one of them at the end.
import Sequencer from '@jest/test-sequencer';

/** Those with the longest way to their end first, by a part of their path. */
const slow = [
  'test/publish.test',
  'koji-builder/test/e2e-build.test',
  'test/kill-loop.test',
  'test/docs-plugins.test',
  'test/packages.test',
  'test/quickstart.test',
  'test/typescript.test',
  'koji-create-plugin/test/create.test',
  'koji-dev/test/dev.test',
  'koji-hub/test/scheduler-simulation.test',
  'koji-hub/test/hub-command.test',
  'koji-hub/test/files.test',
  'koji-plugin-sdk/test/types.test',
  'koji-plugin-kiwi/test/builder.test',
  'koji-builder/test/build.test',
  'koji-builder/test/tasks.test',
  'koji-builder/test/repos.test',
  'koji-builder/test/sandbox',
  'koji-builder/test/daemon.test',
  'koji-builder/test/watch.test',
  'koji-builder/test/restart.test',
  'koji-builder/test/notifications.test',
  'koji-builder/test/dist-repo.test',
  'koji-builder/test/builder.test',
  'koji-plugin-runroot/test/builder.test',
  'koji-plugin-messagebus/test/messagebus.test',
  'koji-plugin-dud/test/builder.test',
  'koji-client/test/koji.test',
  'koji-hub/test/hostile-texts',
  'koji-hub/test/stalled-readers',
  'koji-hub/test/foreign-tasks',
  'koji-core/test/wire-hostile.test',
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
