import { ParameterError } from '../faults.js';
import { parseTaskParams } from '../tasks.js';
import { truthy } from '../api/method.js';
import { pythonStr } from './python-text.js';

type Params = Readonly<Record<string, unknown>>;

/** The fields of a task that its label is made of. */
export interface LabelledTask {
  readonly method: string;
  readonly arch: string;
  readonly request?: unknown;
}

/**
 * Returns a task's parameters by name, or null for an unknown method.
 *
 * @throws ParameterError if the request does not match the method
 */
function paramsOf(method: string, request: unknown): Params | null {
  return Array.isArray(request) ? parseTaskParams(method, request) : null;
}

function isParams(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns a short description of a task: its method and its subject, such as `build (f44, pkg.git:…)`. For a value that is not
 * a task, or a task without its request, returns `malformed task`.
 */
export function taskLabel(task: LabelledTask | null): string {
  try {
    const [method, arch, request] = ['method', 'arch', 'request'].map((key) => get(task, key));
    return `${pythonStr(method)} (${subjectOf(String(method), request) || pythonStr(arch)})`;
  } catch (error) {
    if (error instanceof ParameterError && task)
      return `${task.method} (${pythonStr(task.arch)}, unknown args)`;
    return 'malformed task';
  }
}

/** The subject of a task; empty if its parameters do not show it. */
function subjectOf(method: string, request: unknown): string {
  const params = paramsOf(method, request);
  const about = Object.hasOwn(subjects, method) ? subjects[method] : undefined;
  if (!about) return '';
  if (!params) throw new TypeError(`no parameters of ${method}`);
  return about(params);
}

/** The name of a struct, or the value in its place. */
const nameOf = (value: unknown): string =>
  isParams(value) ? pythonStr(get(value, 'name')) : pythonStr(value);

function get(value: unknown, key: string): unknown {
  if (!isParams(value) || !Object.hasOwn(value, key)) throw new TypeError(`no ${key}`);
  return value[key];
}

/** `name-version-release` of a build; with `showEpoch` and an epoch `epoch:name-version-release`. */
export function buildLabel(build: unknown, showEpoch = false): string {
  if (!isParams(build)) throw new TypeError(`no build: ${pythonStr(build)}`);
  const { epoch = null, version, release } = build;
  const name = truthy(build['package_name']) ? build['package_name'] : build['name'];
  const nvr = [name, version, release].map((part) => pythonStr(part ?? null)).join('-');
  return showEpoch && epoch !== null ? `${wholePart(epoch)}:${nvr}` : nvr;
}

function wholePart(epoch: unknown): number {
  const number = typeof epoch === 'string' ? NaN : Number(epoch);
  if (!Number.isFinite(number)) throw new TypeError(`no epoch: ${pythonStr(epoch)}`);
  return Math.trunc(number);
}

/** The first of two parameters that is truthy in Python, otherwise the second. */
function either(params: Params, first: string, second: string): unknown {
  return truthy(params[first]) ? params[first] : (params[second] ?? null);
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** `repository:module:revision` of an SCM URL. */
function moduleInfo(url: string): string {
  const hash = url.indexOf('#');
  const query = url.indexOf('?');
  const start = url.indexOf('/', url.indexOf('://') + 3);
  const repository = url.slice(start, query === -1 ? hash : query);
  const module = query === -1 ? '' : url.slice(query + 1, hash);
  return [repository, ...(module ? [module] : []), url.slice(hash + 1)].join(':');
}

function source(params: Params): string {
  const src = either(params, 'src', 'url');
  const target = either(params, 'target', 'build_tag');
  if (typeof src !== 'string') throw new TypeError('no source');
  return `${nameOf(target)}, ${src.includes('://') ? moduleInfo(src) : fileName(src)}`;
}

function imageRequest(params: Params): string {
  const kickstart = either(params, 'ksfile', 'inst_tree');
  const arches = either(params, 'arch', 'arches');
  const shown = [arches, params['name'], params['version'], kickstart].map((part) => pythonStr(part ?? null));
  return `${shown[0]}, ${shown[1]}-${shown[2]}, ${shown[3]}`;
}

function imageTask(params: Params): string {
  const kickstart = either(params, 'ksfile', 'inst_tree');
  const nvr = [params['name'], params['version'], params['release']].map(pythonStr).join('-');
  return [nameOf(params['target_info']), nvr, pythonStr(kickstart ?? null), pythonStr(params['arch'])].join(
    ', ',
  );
}

function waitRepo(params: Params): string {
  const { nvrs } = params;
  return [nameOf(params['tag']), ...(Array.isArray(nvrs) ? [nvrs.map(pythonStr).join(', ')] : [])].join(', ');
}

const subjects: Readonly<Record<string, (params: Params) => string>> = {
  build: source,
  maven: source,
  indirectionimage: ({ opts }) =>
    ['name', 'version', 'release'].map((key) => pythonStr(get(opts, key))).join(', '),
  buildSRPMFromSCM: ({ url }) => moduleInfo(String(url)),
  buildArch: ({ pkg, arch }) => `${fileName(nameOf(pkg))}, ${pythonStr(arch)}`,
  buildMaven: ({ build_tag: tag }) => pythonStr(get(tag, 'name')),
  wrapperRPM: ({ build, build_target: target }) =>
    [pythonStr(get(target, 'name')), ...(truthy(build) ? [buildLabel(build)] : [])].join(', '),
  winbuild: ({ source_url: url, target }) => `${nameOf(target)}, ${moduleInfo(String(url))}`,
  vmExec: ({ name }) => pythonStr(name),
  buildNotification: ({ build }) => buildLabel(build),
  newRepo: ({ tag }) => nameOf(tag),
  distRepo: ({ tag }) => nameOf(tag),
  createrepo: ({ arch }) => pythonStr(arch),
  createdistrepo: ({ repo_id: id, arch }) => `${pythonStr(id)}, ${pythonStr(arch)}`,
  dependantTask: ({ task_list: tasks }) =>
    (tasks as unknown[][]).map(([method]) => pythonStr(method)).join(', '),
  chainbuild: ({ target }) => nameOf(target),
  chainmaven: ({ target }) => nameOf(target),
  waitrepo: waitRepo,
  livecd: imageRequest,
  appliance: imageRequest,
  image: imageRequest,
  livemedia: imageRequest,
  createLiveCD: imageTask,
  createAppliance: imageTask,
  createImage: imageTask,
  createLiveMedia: imageTask,
  restart: ({ host }) => pythonStr(get(host, 'name')),
  restartVerify: ({ host }) => pythonStr(get(host, 'name')),
};
