import type { ClientSession } from '../session.js';
import { buildLabel, longTime, pythonRepr, pythonStr, taskLabel } from '@koji/core/text';
import type { LabelledTask } from '@koji/core/text';

interface Request {
  readonly session: ClientSession;
  readonly params: readonly unknown[];
  readonly topdir: string;
}

/** Returns the lines that `taskinfo -v` prints about a task's request. */
export async function describeRequest(
  session: ClientSession,
  task: { id: number; method: string },
  topdir: string,
): Promise<string[]> {
  try {
    const params = await session.getTaskRequest(task.id);
    return (await describers[task.method]?.({ session, params: params, topdir })) ?? [];
  } catch {
    return ['Unable to parse task parameters'];
  }
}

type Struct = Readonly<Record<string, unknown>>;

function struct(value: unknown): Struct {
  if (typeof value !== 'object' || value === null) throw new TypeError('no struct');
  return value as Struct;
}

function at(params: readonly unknown[], i: number): unknown {
  if (i >= params.length) throw new RangeError('parameter missing');
  return params[i];
}

const named = (value: unknown): string => pythonStr(struct(value)['name']);
const joined = (value: unknown): string => (value as unknown[]).map(pythonStr).join(', ');

function map(values: unknown, prefix = ''): string[] {
  return Object.entries(struct(values))
    .filter(([key]) => key !== '__starstar')
    .map(([key, value]) => `  ${prefix}${key}: ${pythonStr(value)}`);
}

function options(values: unknown, prefix = ''): string[] {
  if (!values || (typeof values === 'object' && Object.keys(values).length === 0)) return [];
  return [`${prefix}Options:`, ...map(values, prefix)];
}

/** Labelled positional parameters, followed by options. */
function listed(labels: readonly string[], optionsAt = labels.length) {
  return ({ params }: Request): string[] => {
    const lines = labels.slice(0, params.length).map((label, i) => `${label}: ${pythonStr(params[i])}`);
    return [...lines, ...(params.length > optionsAt ? options(params[optionsAt]) : [])];
  };
}

async function tagName(session: ClientSession, tag: unknown): Promise<string> {
  return named(await session.getTag(tag as number));
}

const imageLabels = [
  'Name',
  'Version',
  'Release',
  'Arch',
  'Target Info',
  'Build Tag',
  'Repo',
  'Kickstart File',
];

const describers: Readonly<Record<string, (request: Request) => string[] | Promise<string[]>>> = {
  buildSRPMFromCVS: ({ params }) => [`CVS URL: ${pythonStr(at(params, 0))}`],
  buildSRPMFromSCM: ({ params }) => [`SCM URL: ${pythonStr(at(params, 0))}`],
  async buildArch({ session, params, topdir }) {
    const tag = await session.getTag(at(params, 1) as number);
    return [
      `SRPM: ${topdir}/work/${pythonStr(at(params, 0))}`,
      `Build Tag: ${tag ? tag.name : `${pythonStr(params[1])} (deleted)`}`,
      `Build Arch: ${pythonStr(at(params, 2))}`,
      `SRPM Kept: ${pythonRepr(at(params, 3))}`,
      ...options(params[4]),
    ];
  },
  async tagBuild({ session, params }) {
    const build = await session.getBuild(at(params, 1) as number);
    return [`Destination Tag: ${await tagName(session, params[0])}`, `Build: ${buildLabel(build)}`];
  },
  buildNotification: ({ params }) => [
    `Recipients: ${joined(at(params, 0))}`,
    `Build: ${buildLabel(at(params, 1))}`,
    `Build Target: ${named(at(params, 2))}`,
    `Web URL: ${pythonStr(at(params, 3))}`,
  ],
  build: listed(['Source', 'Build Target']),
  maven: listed(['SCM URL', 'Build Target']),
  buildMaven: ({ params }) => [
    `SCM URL: ${pythonStr(at(params, 0))}`,
    `Build Tag: ${named(at(params, 1))}`,
    ...options(params[2]),
  ],
  wrapperRPM({ params }) {
    const [url, tag, build, task] = [at(params, 0), at(params, 1), at(params, 2), at(params, 3)];
    return [
      `Spec File URL: ${pythonStr(url)}`,
      `Build Tag: ${named(tag)}`,
      ...(build ? [`Build: ${buildLabel(build)}`] : []),
      ...(task
        ? [`Task: ${pythonStr(struct(task)['id'])} ${taskLabel(struct(task) as unknown as LabelledTask)}`]
        : []),
      ...options(params[4]),
    ];
  },
  chainmaven: ({ params }) => [
    'Builds:',
    ...Object.entries(struct(at(params, 0))).flatMap(([name, opts]) => [`  ${name}`, ...map(opts, '  ')]),
    `Build Target: ${pythonStr(at(params, 1))}`,
    ...options(params[2]),
  ],
  winbuild: listed(['VM', 'SCM URL', 'Build Target']),
  vmExec: ({ params }) => [
    `VM: ${pythonStr(at(params, 0))}`,
    'Exec Params:',
    ...(at(params, 1) as unknown[]).flatMap((info) =>
      typeof info === 'object' && info !== null && !Array.isArray(info)
        ? map(info, '  ')
        : [`  ${pythonStr(info)}`],
    ),
    ...options(params[2]),
  ],
  createLiveCD: listed(imageLabels),
  createAppliance: listed(imageLabels),
  createLiveMedia: listed(imageLabels),
  appliance: listed(['Name', 'Version', 'Arches', 'Target', 'Kickstart']),
  livecd: listed(['Name', 'Version', 'Arches', 'Target', 'Kickstart']),
  livemedia: listed(['Name', 'Version', 'Arches', 'Target', 'Kickstart']),
  newRepo: async ({ session, params }) => [`Tag: ${await tagName(session, at(params, 0))}`],
  prepRepo: ({ params }) => [`Tag: ${named(at(params, 0))}`],
  createrepo({ params }) {
    const old = at(params, 2);
    const external = params.length > 3 ? (params[3] as unknown[]) : null;
    return [
      `Repo ID: ${pythonStr(at(params, 0))}`,
      `Arch: ${pythonStr(at(params, 1))}`,
      ...(old ? [`Old Repo ID: ${pythonStr(struct(old)['id'])}`] : []),
      ...(old ? [`Old Repo Creation: ${longTime(Number(struct(old)['create_ts']))}`] : []),
      ...(external
        ? [
            `External Repos: ${external.map((repo) => pythonStr(struct(repo)['external_repo_name'])).join(', ')}`,
          ]
        : []),
    ];
  },
  async tagNotification({ session, params }) {
    const build = await session.getBuild(at(params, 4) as number);
    const user = await session.getUser(at(params, 5) as number);
    return [
      `Recipients: ${joined(at(params, 0))}`,
      `Successful?: ${params[1] ? 'yes' : 'no'}`,
      `Tagged Into: ${await tagName(session, at(params, 2))}`,
      ...(params[3] ? [`Moved From: ${await tagName(session, params[3])}`] : []),
      `Build: ${buildLabel(build)}`,
      `Tagged By: ${named(user)}`,
      `Ignore Success?: ${at(params, 6) ? 'yes' : 'no'}`,
      ...(at(params, 7) ? [`Failure Message: ${pythonStr(params[7])}`] : []),
    ];
  },
  dependantTask: ({ params }) => [
    `Dependant Tasks: ${joined(at(params, 0))}`,
    'Subtasks:',
    ...(at(params, 1) as unknown[][]).flatMap((subtask) => [
      `  Method: ${pythonStr(at(subtask, 0))}`,
      `  Parameters: ${joined(at(subtask, 1))}`,
      ...options(subtask[2], '  '),
      '',
    ]),
  ],
  chainbuild: ({ params }) => [
    'Build Groups:',
    ...(at(params, 0) as unknown[][]).map((group, i) => `  ${i + 1}: ${joined(group)}`),
    `Build Target: ${pythonStr(at(params, 1))}`,
    ...options(params[2]),
  ],
  waitrepo: ({ params }) => [
    `Build Target: ${pythonStr(at(params, 0))}`,
    ...(at(params, 1) ? [`Newer Than: ${pythonStr(params[1])}`] : []),
    ...(at(params, 2) ? [`NVRs: ${joined(params[2])}`] : []),
  ],
};
