import { GenericError } from '@koji/core';
import { policyFields } from '@koji/builder/scm';
import { callback } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';

/** Asks the hub's policy `scm` whether a task may use the sources that it has checked out. */
export const assertScmPolicy = callback(
  'postSCMCheckout',
  async (_event, { taskinfo, session, build_tag, scminfo, srcdir, scratch }) => {
    const { method, owner } = taskinfo;
    await session.host.assertPolicy('scm', {
      build_tag,
      method,
      scratch,
      branches: await branchesAt(srcdir),
      user_id: owner,
      ...policyFields(scminfo),
    });
  },
);

const remote = 'refs/remotes/origin/';

/** The branches of the server that have the commit that was checked out. */
async function branchesAt(folder: string): Promise<string[]> {
  const command = ['git', 'branch', '-r', '--contains', 'HEAD', '--format=%(refname)'];
  const { status, stdout } = await outputOf(command, { cwd: folder });
  if (!status.success)
    throw new GenericError(
      `Error getting branches for git checkout ${folder}: the policy scm is for sources in git`,
    );
  return stdout
    .split('\n')
    .filter((ref) => ref.startsWith(remote) && ref !== `${remote}HEAD`)
    .map((ref) => ref.slice(remote.length));
}
