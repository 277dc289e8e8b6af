import { command } from '../command.js';
import { flag } from '../options.js';

const addVolume = command({
  name: 'add-volume',
  category: 'admin',
  arguments: ['text'],
  examples: ['add-volume archive'],
  summary: 'Add a new storage volume',
  usage: 'add-volume <volume-name>',
  options: {},
  async run({ args, session, print, login, usageError, fail }) {
    const [name] = args;
    if (name === undefined || args.length !== 1)
      return usageError('Command requires exactly one volume-name.');
    if (await session.getVolume(name)) fail(`Volume ${name} already exists`);
    await login();
    const volume = await session.addVolume(name);
    print(`Added volume ${volume.name} with id ${volume.id}`);
  },
});

const listVolumes = command({
  name: 'list-volumes',
  category: 'info',
  examples: ['list-volumes'],
  summary: 'List storage volumes',
  usage: 'list-volumes',
  anonymous: true,
  data: { of: 'listVolumes' },
  options: {},
  async run({ session, print, data, connect }) {
    await connect();
    const found = await session.listVolumes();
    data(found);
    for (const { name } of found) print(name);
  },
});

const setBuildVolume = command({
  name: 'set-build-volume',
  category: 'admin',
  arguments: ['volume', 'build...'],
  examples: ['set-build-volume archive bash-5.2-1'],
  summary: 'Move a build to a different volume',
  usage: 'set-build-volume <volume> <n-v-r> [<n-v-r> ...]',
  options: {
    verbose: flag(['-v', '--verbose'], 'Be verbose'),
  },
  async run({ args, options, session, print, login, usageError, fail }) {
    const [name, ...nvrs] = args;
    if (name === undefined || nvrs.length === 0)
      return usageError('You must provide a volume and at least one build');
    const volume = (await session.getVolume(name)) ?? fail(`No such volume: ${name}`);
    await login();
    const builds: { id: number; nvr: string; volume_name: string }[] = [];
    for (const nvr of nvrs) {
      const build = await session.getBuild(nvr);
      if (!build) print(`No such build: ${nvr}`);
      else if (build.volume_id === volume.id) print(`Build ${nvr} already on volume ${volume.name}`);
      else builds.push(build);
    }
    if (builds.length === 0) fail('No builds to move');
    for (const { id, nvr, volume_name: from } of builds) {
      await session.changeBuildVolume(id, volume.id);
      if (options.verbose) print(`${nvr}: ${from} -> ${volume.name}`);
    }
  },
});

export const volumes = [addVolume, listVolumes, setBuildVolume];
