import { GenericError } from './faults.js';

/** The parts of a build's name; `epoch` is text, empty if there is none. */
export interface Nvr {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: string;
}

/** The parts of an RPM's name. */
export interface Nvra extends Nvr {
  readonly arch: string;
  readonly src: boolean;
  /** Text after an `@`: the external repository. */
  readonly location?: string;
}

/**
 * Splits `[epoch:]name-version-release`.
 *
 * @throws GenericError if a part is missing
 */
export function parseNVR(nvr: string): Nvr {
  const release = nvr.lastIndexOf('-');
  const version = release <= 0 ? -1 : nvr.lastIndexOf('-', release - 1);
  if (release === -1 || release === nvr.length - 1 || version === -1 || version === release - 1)
    throw new GenericError(`invalid format: ${nvr}`);
  const front = nvr.slice(0, version);
  const colon = front.indexOf(':');
  return {
    release: nvr.slice(release + 1),
    version: nvr.slice(version + 1, release),
    name: front.slice(colon + 1),
    epoch: front.slice(0, Math.max(colon, 0)),
  };
}

/**
 * Splits `name-version-release.arch[.rpm][@location]`.
 *
 * @throws GenericError if a part is missing
 */
export function parseNVRA(text: string): Nvra {
  const at = text.indexOf('@');
  const location = at === -1 ? '' : text.slice(at + 1);
  const nvra = (at === -1 ? text : text.slice(0, at)).replace(/\.rpm$/, '');
  const dot = nvra.lastIndexOf('.');
  if (dot === -1 || dot === nvra.length - 1) throw new GenericError(`invalid format: ${nvra}`);
  const arch = nvra.slice(dot + 1);
  return { ...parseNVR(nvra.slice(0, dot)), arch, src: arch === 'src', ...(location ? { location } : {}) };
}

/**
 * Checks that version and release contain no dash.
 *
 * @throws GenericError naming the field
 */
export function checkNVR({ version, release }: { readonly version: string; readonly release: string }): void {
  if (version.includes('-')) throw new GenericError('The "-" character not allowed in version field');
  if (release.includes('-')) throw new GenericError('The "-" character not allowed in release field');
}

/** Like {@link checkNVR}, for RPMs: the architecture must not contain a dot either. */
export function checkNVRA(rpm: {
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}): void {
  checkNVR(rpm);
  if (rpm.arch.includes('.')) throw new GenericError('The "." character not allowed in arch field');
}

/** Whether an RPM with this name contains debugging information or sources for it. */
export function isDebuginfo(name: string): boolean {
  return /-debug(info|source)$/.test(name) || name.includes('-debuginfo-');
}
