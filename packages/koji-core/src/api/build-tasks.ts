import { any, arg, method, shape } from './method.js';
import type { ArgType, Methods } from './method.js';
import { buildRef, nameOrId } from './types.js';
import type { NameOrId } from './types.js';
import { Double } from '../wire/values.js';

/**
 * Offset of the task's priority. A positive value runs it later than usual, a negative one (admins only) sooner; 0 and null
 * keep the default.
 */
const priority: ArgType<number | null> = {
  name: 'int | null',
  is: (v) => v === null || typeof v === 'boolean' || typeof v === 'number' || v instanceof Double,
  read: Number,
};

const options = any<Readonly<Record<string, unknown>> | null>('dict | null');
const channel = any<string | null>('str | null');
const text = any<string>('str');
const newTask = shape<number>('int');
const returns = 'id of the task';

/** Methods that create build tasks. The builder checks the parameters of each task. */
export const buildTaskMethods = {
  build: method({
    doc: 'Build an rpm package from an SCM url or an uploaded source rpm, for a target.',
    needs: 'login',
    access: 'write',
    args: [
      arg('src', text),
      arg('target', any<string | number | null>('str | int | null')),
      arg('opts', options, null),
      arg('priority', priority, null),
      arg('channel', channel, null),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  chainBuild: method({
    doc: 'Build groups of packages one after another, each with the ones before in its buildroot.',
    needs: 'login',
    access: 'write',
    args: [
      arg('srcs', any<string[][]>('list(list(str))')),
      arg('target', nameOrId),
      arg('opts', options, null),
      arg('priority', priority, null),
      arg('channel', channel, null),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  mavenBuild: method({
    doc: 'Build a Maven project from an SCM url. Needs EnableMaven.',
    needs: 'login',
    access: 'write',
    args: [
      arg('url', text),
      arg('target', nameOrId),
      arg('opts', options, null),
      arg('priority', priority, null),
      arg('channel', channel, 'maven'),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  wrapperRPM: method({
    doc: 'Wrap the archives of a complete build into rpms, by the spec file at an SCM url. Needs EnableMaven.',
    needs: 'login',
    access: 'write',
    args: [
      arg('build', buildRef),
      arg('url', text),
      arg('target', nameOrId),
      arg('priority', priority, null),
      arg('channel', text, 'maven'),
      arg('opts', options, null),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError', 'PreBuildError'],
  }),
  chainMaven: method({
    doc: 'Build Maven projects, a struct by name, in the order that their `requires` ask for. Needs EnableMaven.',
    needs: 'login',
    access: 'write',
    args: [
      arg('builds', any<Readonly<Record<string, unknown>>>('dict')),
      arg('target', nameOrId),
      arg('opts', options, null),
      arg('priority', priority, null),
      arg('channel', channel, 'maven'),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  winBuild: method({
    doc: 'Build in a Windows virtual machine from an SCM url, if the policy `vm` allows. Needs EnableWin.',
    needs: 'login',
    access: 'write',
    args: [
      arg('vm', text),
      arg('url', text),
      arg('target', any<NameOrId | null>('str | int | dict | null')),
      arg('opts', options, null),
      arg('priority', priority, null),
      arg('channel', channel, 'vm'),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  buildImage: method({
    doc: 'Build an image from a kickstart file; the type (livecd, appliance, livemedia) is the permission it takes, too.',
    needs: 'none',
    access: 'write',
    args: [
      arg('name', text),
      arg('version', text),
      arg('arch', any<string | string[]>('str | list(str)')),
      arg('target', nameOrId),
      arg('ksfile', text),
      arg('img_type', text),
      arg('opts', options, null),
      arg('priority', priority, null),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  buildImageOz: method({
    doc: 'Build disk images for several arches from an installation tree.',
    needs: 'perm:image',
    access: 'write',
    args: [
      arg('name', text),
      arg('version', text),
      arg('arches', any<string[]>('list(str)')),
      arg('target', nameOrId),
      arg('inst_tree', text),
      arg('opts', options, null),
      arg('priority', priority, null),
    ],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
  buildImageIndirection: method({
    doc: 'Build an image with the help of another one; what is not scratch needs `indirection_template_url`.',
    needs: 'perm:image',
    access: 'write',
    args: [arg('opts', options, null), arg('priority', priority, null)],
    result: newTask,
    returns,
    faults: ['ActionNotAllowed', 'GenericError', 'ParameterError'],
  }),
} satisfies Methods;

/** Type of the declarations of this group. */
export type BuildTaskMethods = typeof buildTaskMethods;
