import { readFile } from 'node:fs/promises';
import { compsXml, groupsSpec, readComps } from '@koji/core';
import { named } from '@koji/core/wire';
import { pprint, pythonRepr, pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import { flag } from '../options.js';

const importComps = command({
  name: 'import-comps',
  category: 'misc',
  arguments: ['file', 'tag'],
  examples: ['import-comps comps.xml f44'],
  summary: 'Import group/package information from a comps file',
  usage: 'import-comps [options] <file> <tag>',
  options: { force: flag('--force', 'force import') },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [file, tag] = args;
    if (file === undefined || tag === undefined || args.length !== 2)
      return usageError('Incorrect number of arguments');
    await login();
    if (!(await session.getTag(tag))) fail(`No such tag: ${tag}`);
    const force = options.force ?? false;
    for (const group of readComps(await readFile(file, 'utf8'), file)) {
      print(`Group: ${group.id} (${pythonStr(group.name)})`);
      await session.groupListAdd(
        tag,
        group.id,
        named({
          force,
          display_name: group.name,
          is_default: group.isDefault,
          uservisible: group.isUserVisible,
          description: group.description,
          langonly: group.langOnly,
          biarchonly: group.isBiarchOnly,
        }),
      );
      for (const { name, type, isBasearchOnly, requires } of group.packages) {
        const settings = {
          basearchonly: isBasearchOnly,
          ...(type === 'conditional' ? { requires } : {}),
          type,
        };
        print(`  Package: ${name}: ${pythonRepr(settings)}`);
        await session.groupPackageListAdd(tag, group.id, name, named({ force, ...settings }));
      }
    }
  },
});

const showGroups = command({
  name: 'show-groups',
  category: 'info',
  arguments: ['tag'],
  examples: ['show-groups --comps f44'],
  summary: 'Show groups data for a tag',
  usage: 'show-groups [options] <tag>',
  anonymous: true,
  data: { of: 'getTagGroups' },
  options: {
    comps: flag('--comps', 'Print in comps format'),
    expand: flag(['-x', '--expand'], 'Expand groups in comps format'),
    spec: flag('--spec', 'Print build spec'),
    incl_blocked: flag('--show-blocked', 'Show blocked packages'),
  },
  async run({ args, options, session, print, data, connect, usageError }) {
    const [tag] = args;
    if (tag === undefined || args.length !== 1) return usageError('Incorrect number of arguments');
    const { comps, expand, spec, incl_blocked: blocked } = options;
    if (blocked && (comps || spec))
      return usageError("--show-blocked doesn't make sense for comps/spec output");
    await connect();
    const groups = await session.getTagGroups(tag, named(blocked ? { incl_blocked: true } : {}));
    data(groups);
    if (comps) print(compsXml(groups, { expandGroups: expand ?? false }));
    else if (spec) print(groupsSpec(groups));
    else print(pprint(groups));
  },
});

export const comps = [importComps, showGroups];
