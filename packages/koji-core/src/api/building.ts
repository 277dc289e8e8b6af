import { any, arg, method, shape } from './method.js';
import type { Methods } from './method.js';
import { wholeNumber } from './tasks.js';
import { buildRef } from './types.js';
import type { BuildInfo } from './types.js';

/** Description of a planned build: name, version, release, epoch, and if known source, extra, draft. */
export type NewBuildData = Readonly<Record<string, unknown>>;

/** The files that a task made, with the ids of the task and its buildroot. */
export type BuildResults = Readonly<Record<string, unknown>>;

/** Logs by folder. */
export type LogPaths = Readonly<Record<string, readonly string[]>>;

const nothing = shape<null>('null');
const taskId = arg('task_id', wholeNumber);
const buildId = arg('build_id', wholeNumber);
const data = any<NewBuildData>('dict');
const results = any<BuildResults>('dict');
const wrapped = any<BuildResults | null>('dict | null');
const paths = any<string[]>('list(str)');
const logs = any<LogPaths | null>('dict(list(str)) | null');

/** Methods that builders call to start a build, to submit its files and to finish it. */
export const buildingMethods = {
  'host.initBuild': method({
    doc: 'Begin an rpm build; the same task gets its build again. The struct also holds the task_id.',
    needs: 'host',
    access: 'write',
    args: [arg('data', data)],
    result: shape<number>('int'),
    returns: 'id of the build',
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.completeBuild': method({
    doc: 'Complete an rpm build: import its uploaded rpms, with their buildroots by path, and its logs.',
    needs: 'host',
    access: 'write',
    args: [
      taskId,
      buildId,
      arg('srpm', any<string>('str')),
      arg('rpms', paths),
      arg('brmap', any<Readonly<Record<string, number | null>> | null>('dict(int) | null'), null),
      arg('logs', logs, null),
    ],
    result: shape<BuildInfo>('build'),
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ParameterError'],
  }),
  'host.failBuild': method({
    doc: 'Mark a build in progress as failed.',
    needs: 'host',
    access: 'write',
    args: [taskId, buildId],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.moveBuildToScratch': method({
    doc: 'Move the uploaded rpms and logs of a scratch build to where scratch builds are.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('srpm', any<string>('str')), arg('rpms', paths), arg('logs', logs, null)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ParameterError'],
  }),
  mergeScratch: method({
    doc: 'Add the rpms of a scratch build to the build of the same source, for arches that it lacks.',
    needs: 'perm:admin',
    access: 'write',
    args: [arg('task_id', wholeNumber)],
    result: shape<number>('int'),
    returns: 'id of the build',
    faults: ['ActionNotAllowed', 'GenericError', 'ImportError', 'ParameterError'],
  }),
  'host.initMavenBuild': method({
    doc: 'Begin a Maven build, with the release after the last one. Needs EnableMaven.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('build_info', data), arg('maven_info', any<NewBuildData>('dict'))],
    result: shape<NewBuildData>('dict'),
    returns: 'the struct with id, release and what else was filled in',
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ParameterError'],
  }),
  'host.createMavenBuild': method({
    doc: 'Note the Maven coordinates of a build. Needs EnableMaven.',
    needs: 'host',
    access: 'write',
    args: [arg('build_info', buildRef), arg('maven_info', any<NewBuildData>('dict'))],
    result: nothing,
    faults: ['AuthError', 'BuildError', 'GenericError'],
  }),
  'host.completeMavenBuild': method({
    doc: 'Complete a Maven build: import its artifacts, logs and wrapper rpms. Needs EnableMaven.',
    needs: 'host',
    access: 'write',
    args: [taskId, buildId, arg('maven_results', results), arg('rpm_results', wrapped)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ImportError', 'ParameterError'],
  }),
  'host.moveMavenBuildToScratch': method({
    doc: 'Move what a scratch Maven build made to where scratch builds are. Needs EnableMaven.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('results', results), arg('rpm_results', wrapped)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.importWrapperRPMs': method({
    doc: 'Add wrapper rpms to a complete build that has none. Needs EnableMaven.',
    needs: 'host',
    access: 'write',
    args: [taskId, buildId, arg('rpm_results', results)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.initWinBuild': method({
    doc: 'Begin a Windows build. Needs EnableWin.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('build_info', data), arg('win_info', any<NewBuildData>('dict'))],
    result: shape<NewBuildData>('dict'),
    returns: 'the struct with id and what else was filled in',
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.completeWinBuild': method({
    doc: 'Complete a Windows build: import its output, logs and wrapper rpms. Needs EnableWin.',
    needs: 'host',
    access: 'write',
    args: [taskId, buildId, arg('results', results), arg('rpm_results', wrapped)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ImportError', 'ParameterError'],
  }),
  'host.moveWinBuildToScratch': method({
    doc: 'Move what a scratch Windows build made to where scratch builds are. Needs EnableWin.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('results', results), arg('rpm_results', wrapped)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
  'host.initImageBuild': method({
    doc: 'Begin an image build, with the release after the last one when none is given.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('build_info', data)],
    result: shape<NewBuildData>('dict'),
    returns: 'the struct with id, release and what else was filled in',
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ParameterError'],
  }),
  'host.completeImageBuild': method({
    doc: 'Complete an image build: import the images of its subtasks, by any key, with their logs and rpms.',
    needs: 'host',
    access: 'write',
    args: [taskId, buildId, arg('results', results)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ImportError', 'ParameterError'],
  }),
  'host.importImage': method({
    doc: 'Import the images of subtasks into a build, as completeImageBuild does.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('build_info', buildRef), arg('results', results)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'BuildError', 'GenericError', 'ImportError', 'ParameterError'],
  }),
  'host.moveImageBuildToScratch': method({
    doc: 'Move the images of a scratch build to where scratch builds are.',
    needs: 'host',
    access: 'write',
    args: [taskId, arg('results', results)],
    result: nothing,
    faults: ['ActionNotAllowed', 'AuthError', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type BuildingMethods = typeof buildingMethods;
