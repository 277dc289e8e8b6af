import { decodeArgs } from '@koji/core/wire';
import { pythonStr } from './python-text.js';

type Params = Readonly<Record<string, unknown>>;

/** What of a task its label is made from. */
export interface LabelledTask {
  readonly method: string;
  readonly arch: string;
  readonly request?: unknown;
}

const image = 'name version release arch target_info build_tag repo_info ksfile opts?';

/** The parameters of Koji's own task methods in order; `?` marks those that may be absent. */
const signatures: Readonly<Record<string, string>> = {
  appliance: 'name version arch target ksfile opts?',
  build: 'src target opts?',
  buildArch: 'pkg root arch keep_srpm opts?',
  buildMaven: 'url build_tag opts?',
  buildNotification: 'recipients build target weburl',
  buildSRPMFromSCM: 'url build_tag opts?',
  chainbuild: 'srcs target opts?',
  chainmaven: 'builds target opts?',
  createAppliance: image,
  createImage: image.replace('ksfile', 'inst_tree'),
  createLiveCD: image,
  createLiveMedia: image,
  createdistrepo: 'tag repo_id arch keys opts',
  createrepo: 'repo_id arch oldrepo',
  dependantTask: 'wait_list task_list',
  distRepo: 'tag repo_id keys task_opts',
  fork: 'n? m?',
  image: 'name version arches target inst_tree opts?',
  indirectionimage: 'opts',
  livecd: 'name version arch target ksfile opts?',
  livemedia: 'name version arches target ksfile opts?',
  maven: 'url target opts?',
  newRepo: 'tag event? src? debuginfo? separate_src? opts?',
  rebuildSRPM: 'srpm build_tag opts?',
  restart: 'host',
  restartHosts: 'options?',
  restartVerify: 'task_id host',
  runroot:
    'root arch command keep? packages? mounts? repo_id? skip_setarch? weight? upload_logs? new_chroot?',
  saveFailedTree: 'buildrootID full?',
  shutdown: '',
  sleep: 'n',
  subtask: 'n?',
  tagBuild: 'tag_id build_id force? fromtag? ignore_success?',
  tagNotification:
    'recipients is_successful tag_info from_info build_info user_info ignore_success? failure_msg?',
  vmExec: 'name task_info opts',
  waitrepo: 'tag newer_than? nvrs? min_event?',
  waittest: 'count seconds?',
  winbuild: 'name source_url target opts',
  wrapperRPM: 'spec_url build_target build task opts?',
};

/** A task's parameters by name; null for methods that are not Koji's own, undefined when they do not fit. */
function paramsOf(method: string, request: readonly unknown[]): Params | null | undefined {
  const first = request[0];
  if (request.length === 1 && isParams(first) && '__method__' in first) return first;
  const signature = signatures[method];
  if (signature === undefined) return null;
  const { args, keywords } = decodeArgs(request);
  const names = signature.split(' ').filter(Boolean);
  const plain = names.map((name) => name.replace('?', ''));
  if (args.length > names.length) return undefined;
  const params: Record<string, unknown> = Object.fromEntries(args.map((value, i) => [plain[i] ?? '', value]));
  for (const [name, value] of Object.entries(keywords)) {
    if (!plain.includes(name) || Object.hasOwn(params, name)) return undefined;
    params[name] = value;
  }
  for (const [i, name] of plain.entries()) {
    if (Object.hasOwn(params, name)) continue;
    if (!names[i]?.endsWith('?')) return undefined;
    params[name] = null;
  }
  return params;
}

function isParams(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A task in a few words: its method and what it works on, such as `build (f44, pkg.git:…)`. */
export function taskLabel(task: LabelledTask): string {
  const { method, arch, request } = task;
  try {
    const params = paramsOf(method, request as unknown[]);
    if (params === undefined) return `${method} (${arch}, unknown args)`;
    const about = subjects[method];
    // A plugin's method of the same shape may call its parameters otherwise.
    const extra = about && params ? about(params) : '';
    return `${method} (${extra || arch})`;
  } catch {
    return 'malformed task';
  }
}

/** The name of a struct, or what stands in its place. */
const nameOf = (value: unknown): string =>
  isParams(value) ? pythonStr(get(value, 'name')) : pythonStr(value);

function get(value: unknown, key: string): unknown {
  if (!isParams(value) || !Object.hasOwn(value, key)) throw new TypeError(`no ${key}`);
  return value[key];
}

/** `name-version-release` of a build. */
export function buildLabel(build: unknown): string {
  if (!isParams(build)) throw new TypeError('no build');
  const name = build['package_name'] || build['name'];
  return [name, build['version'], build['release']].map((part) => pythonStr(part ?? null)).join('-');
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
  const src = pythonStr(params['src'] ?? params['url'] ?? get(params, 'src'));
  const target = params['target'] ?? params['build_tag'];
  return `${nameOf(target)}, ${src.includes('://') ? moduleInfo(src) : fileName(src)}`;
}

function imageRequest(params: Params): string {
  const kickstart = params['ksfile'] || params['inst_tree'];
  const arches = params['arch'] || params['arches'];
  const shown = [arches, params['name'], params['version'], kickstart].map((part) => pythonStr(part ?? null));
  return `${shown[0]}, ${shown[1]}-${shown[2]}, ${shown[3]}`;
}

function imageTask(params: Params): string {
  const kickstart = params['ksfile'] || params['inst_tree'];
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
    [pythonStr(get(target, 'name')), ...(build ? [buildLabel(build)] : [])].join(', '),
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
