import { decodeArgs } from './wire/named-args.js';
import { ParameterError } from './faults.js';

/** A signature of a task method: names in order, the number of defaults for the last ones, and the catch-alls. */
export interface TaskSignature {
  readonly args: readonly string[];
  /** Defaults of the last arguments. */
  readonly defaults?: readonly unknown[];
  /** Name for further positional arguments. */
  readonly rest?: string;
  /** Name for further named arguments. */
  readonly keywords?: string;
}

const options: TaskSignature['defaults'] = [null];
const imageArgs = ['name', 'version', 'arch', 'target', 'ksfile', 'opts'];
const createImageArgs = [
  'name',
  'version',
  'release',
  'arch',
  'target_info',
  'build_tag',
  'repo_info',
  'ksfile',
  'opts',
];

/** The parameters of Koji's task methods. If a method has several signatures, the first match applies. */
export const taskSignatures: Readonly<Record<string, readonly TaskSignature[]>> = {
  appliance: [{ args: imageArgs, defaults: options }],
  build: [{ args: ['src', 'target', 'opts'], defaults: options }],
  buildArch: [{ args: ['pkg', 'root', 'arch', 'keep_srpm', 'opts'], defaults: options }],
  buildMaven: [{ args: ['url', 'build_tag', 'opts'], defaults: options }],
  buildNotification: [{ args: ['recipients', 'build', 'target', 'weburl'] }],
  buildSRPMFromSCM: [{ args: ['url', 'build_tag', 'opts'], defaults: options }],
  chainbuild: [{ args: ['srcs', 'target', 'opts'], defaults: options }],
  chainmaven: [{ args: ['builds', 'target', 'opts'], defaults: options }],
  createAppliance: [{ args: createImageArgs, defaults: options }],
  createImage: [
    { args: createImageArgs.map((name) => (name === 'ksfile' ? 'inst_tree' : name)), defaults: options },
  ],
  createDudIso: [
    {
      args: [
        'dud_name',
        'dud_version',
        'dud_release',
        'arch',
        'target_info',
        'build_tag',
        'repo_info',
        'pkg_list',
        'opts',
      ],
      defaults: options,
    },
  ],
  createKiwiImage: [
    {
      args: [...createImageArgs.slice(0, 7), 'desc_url', 'desc_path', 'opts'],
      defaults: options,
    },
  ],
  createLiveCD: [{ args: createImageArgs, defaults: options }],
  createLiveMedia: [{ args: createImageArgs, defaults: options }],
  createdistrepo: [{ args: ['tag', 'repo_id', 'arch', 'keys', 'opts'] }],
  createrepo: [{ args: ['repo_id', 'arch', 'oldrepo'] }],
  default: [{ args: [], rest: 'args', keywords: 'opts' }],
  dependantTask: [{ args: ['wait_list', 'task_list'] }],
  distRepo: [{ args: ['tag', 'repo_id', 'keys', 'task_opts'] }],
  dudBuild: [
    { args: ['dud_name', 'dud_version', 'arches', 'target', 'pkg_list', 'opts'], defaults: options },
  ],
  fork: [{ args: ['n', 'm'], defaults: [5, 37] }],
  image: [{ args: ['name', 'version', 'arches', 'target', 'inst_tree', 'opts'], defaults: options }],
  indirectionimage: [{ args: ['opts'] }],
  kiwiBuild: [{ args: ['target', 'arches', 'desc_url', 'desc_path', 'opts'], defaults: options }],
  livecd: [{ args: imageArgs, defaults: options }],
  livemedia: [{ args: ['name', 'version', 'arches', 'target', 'ksfile', 'opts'], defaults: options }],
  maven: [{ args: ['url', 'target', 'opts'], defaults: options }],
  newRepo: [
    { args: ['tag', 'event', 'src', 'debuginfo', 'separate_src'], defaults: [null, false, false, false] },
    {
      args: ['tag', 'event', 'src', 'debuginfo', 'separate_src', 'opts'],
      defaults: [null, null, null, null, null],
    },
  ],
  rebuildSRPM: [{ args: ['srpm', 'build_tag', 'opts'], defaults: options }],
  restart: [{ args: ['host'] }],
  restartHosts: [{ args: ['options'], defaults: options }],
  restartVerify: [{ args: ['task_id', 'host'] }],
  runroot: [
    {
      args: [
        'root',
        'arch',
        'command',
        'keep',
        'packages',
        'mounts',
        'repo_id',
        'skip_setarch',
        'weight',
        'upload_logs',
        'new_chroot',
      ],
      defaults: [false, [], [], null, false, null, null, false],
    },
  ],
  saveFailedTree: [{ args: ['buildrootID', 'full'], defaults: [false] }],
  shutdown: [{ args: [] }],
  sleep: [{ args: ['n'] }],
  someMethod: [{ args: [], rest: 'args' }],
  subtask: [{ args: ['n'], defaults: [4] }],
  tagBuild: [
    {
      args: ['tag_id', 'build_id', 'force', 'fromtag', 'ignore_success'],
      defaults: [false, null, false],
    },
  ],
  tagNotification: [
    {
      args: [
        'recipients',
        'is_successful',
        'tag_info',
        'from_info',
        'build_info',
        'user_info',
        'ignore_success',
        'failure_msg',
      ],
      defaults: [null, ''],
    },
  ],
  vmExec: [{ args: ['name', 'task_info', 'opts'] }],
  waitrepo: [{ args: ['tag', 'newer_than', 'nvrs', 'min_event'], defaults: [null, null, null] }],
  waittest: [{ args: ['count', 'seconds'], defaults: [10] }],
  winbuild: [{ args: ['name', 'source_url', 'target', 'opts'] }],
  wrapperRPM: [{ args: ['spec_url', 'build_target', 'build', 'task', 'opts'], defaults: options }],
};

/** Parameters of plugins' task methods. */
const addedSignatures = new Map<string, TaskSignature>();

/** Adds or replaces the parameters of a plugin's task method; Koji's own methods can't be replaced. */
export function addTaskSignature(method: string, signature: TaskSignature): void {
  addedSignatures.set(method, signature);
}

function signaturesOf(method: string): readonly TaskSignature[] | null {
  if (Object.hasOwn(taskSignatures, method)) return taskSignatures[method] ?? null;
  const added = addedSignatures.get(method);
  return added ? [added] : null;
}

/**
 * Returns the parameters of a task by name, whether its request has them by position, by name or as one struct with
 * `__method__`.
 *
 * @returns null if Koji has no such task method
 * @throws ParameterError if the request matches no signature of the method
 */
export function parseTaskParams(method: string, params: readonly unknown[]): Record<string, unknown> | null {
  const [first] = params;
  if (
    params.length === 1 &&
    typeof first === 'object' &&
    first !== null &&
    Object.hasOwn(first, '__method__')
  ) {
    return Object.fromEntries(Object.entries(first).filter(([name]) => name !== '__method__'));
  }
  const signatures = signaturesOf(method);
  if (!signatures) return null;
  const { args, keywords } = decodeArgs(params);
  let problem = '';
  for (const signature of signatures) {
    const fit = applySignature(signature, args, keywords);
    if (typeof fit !== 'string') return fit;
    problem ||= fit;
  }
  throw new ParameterError(`Invalid signature for ${method}: ${problem}`);
}

/** Returns the values by name, or the problem. */
function applySignature(
  signature: TaskSignature,
  args: readonly unknown[],
  keywords: Readonly<Record<string, unknown>>,
): Record<string, unknown> | string {
  const { args: names, defaults = [], rest, keywords: others } = signature;
  const values: Record<string, unknown> = Object.fromEntries(
    names.slice(0, args.length).map((name, i) => [name, args[i]]),
  );
  if (rest !== undefined) values[rest] = args.slice(names.length);
  else if (args.length > names.length) return 'too many args';
  const collected: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(keywords)) {
    if (Object.hasOwn(values, name)) return `duplicate keyword argument '${name}'`;
    if (names.includes(name)) values[name] = value;
    else if (others === undefined) return `unexpected keyword argument '${name}'`;
    else collected[name] = value;
  }
  if (others !== undefined) values[others] = collected;
  const firstDefault = names.length - defaults.length;
  for (const [i, name] of names.entries()) {
    if (Object.hasOwn(values, name)) continue;
    if (i < firstDefault) return `missing required argument '${name}' (#${i})`;
    values[name] = defaults[i - firstDefault];
  }
  return values;
}
