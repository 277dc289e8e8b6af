// npm run interop -- images: builds images by our kojid and the real ImageFactory, oz and pykickstart, from git repositories of them,
// by our command and by Koji's. A plugin that installs nothing takes the place of a virtual machine. docs/interop.md has all of it.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { program, siteFolder, startBuildSite, writeSettings } from '../build-site.mjs';
import { root } from '../setup.mjs';

const python = '/usr/bin/python3';
const usage =
  'usage: npm run interop -- images --imagefactory GIT --oz GIT --pykickstart GIT [--koji GIT] [--keep], with git repositories of each';

const capture = (command, args) => execFileSync(command, args, { encoding: 'utf8' });

/** Unpacks the newest commit of a git repository. */
function unpack(repository, folder) {
  mkdirSync(folder, { recursive: true });
  const words = 'git -C "$1" archive HEAD | tar x -C "$2"';
  execFileSync('bash', ['-o', 'pipefail', '-c', words, 'bash', repository, folder]);
  return folder;
}

/** Makes a Python that finds these sources, and a folder that names plugins. */
function makePython(folder, sources) {
  const at = (...names) => path.join(folder, ...names);
  const version = /\d+\.\d+/.exec(capture(python, ['-V']))[0];
  const packages = at('lib', `python${version}`, 'site-packages');
  for (const place of [at('bin'), at('plugins.d'), packages]) mkdirSync(place, { recursive: true });
  symlinkSync(python, at('bin/python3'));
  writeFileSync(at('pyvenv.cfg'), 'home = /usr/bin\ninclude-system-site-packages = true\n');
  writeFileSync(path.join(packages, 'sources.pth'), `${sources.join('\n')}\n`);
  const [imagefactory] = sources;
  const plugins = path.join(imagefactory, 'imagefactory_plugins');
  cpSync(path.join(plugins, 'OVA/OVA.info'), at('plugins.d/OVA.info'));
  mkdirSync(path.join(plugins, 'Interop'));
  cpSync(
    path.join(root, 'scripts/interop/imagefactory_plugin.py'),
    path.join(plugins, 'Interop/__init__.py'),
  );
  const info = (name, type, targets) =>
    writeFileSync(at('plugins.d', `${name}.info`), JSON.stringify({ type, targets, description: name }));
  info('Interop', 'os', [['Fedora', null, null]]);
  info('MockCloud', 'cloud', [['indirection'], ['vsphere']]);
  return { image_python: at('bin/python3'), imagefactory_plugins: at('plugins.d') };
}

/** A distribution without packages: all that images have is built here. */
function emptyDistribution(folder) {
  const arch = capture('uname', ['-m']).trim();
  mkdirSync(path.join(folder, arch), { recursive: true });
  writeFileSync(path.join(folder, 'groups.json'), '{}');
  execFileSync('createrepo_c', ['-q', path.join(folder, arch)]);
  return folder;
}

const kickstart = (rpm, more = '') => `# for a test
lang en_US.UTF-8
url --url=http://elsewhere/
repo --name=elsewhere --baseurl=http://elsewhere/
rootpw --plaintext secret
timezone UTC
part / --size 1024 --ondisk vda
bootloader
%packages
bash
%end
%post
echo rpm gpg-pubkey,1,2,(none),(none),0,(none),1
echo rpm ${rpm}
${more}
%end
`;

/** A user's image builds, with one command. */
async function buildImages({ site, ksurl, koji, who }) {
  const arch = site.arch;
  const version = who === 'ours' ? '1' : '2';
  const words = ['image-build', '--wait', '--distro', 'Fedora-40', '--disk-size', '8'];
  const image = ['server', version, 'f44', 'http://127.0.0.1/$arch/', arch];
  const formats = ['qcow2', 'raw-xz', 'tar-gz', 'vmdk', 'vsphere-ova'].flatMap((name) => ['--format', name]);
  const done = /image \(.*\) completed successfully/;
  const scratch = koji(
    [...words, '--scratch', '--kickstart', site.file('server.ks'), ...formats, ...image],
    done,
  );
  const ova = ['--ova-option', 'ovf_memory_mb=2048', '--factory-parameter', 'vsphere_product_name', 'Server'];
  koji([...words, '--ksurl', ksurl, '--kickstart', 'server.ks', ...formats, ...ova, ...image], done);
  const nvr = `server-${version}-1`;
  koji(['buildinfo', nvr], new RegExp(`${nvr}\\.${arch}\\.vsphere\\.ova`));
  koji(['list-tagged', 'f44', 'server'], new RegExp(nvr));
  const task = /(\d+) createImage \(/.exec(scratch)?.[1] ?? '';
  const tools = [
    'image-build-indirection',
    '--wait',
    '--name',
    'small',
    '--version',
    version,
    '--target',
    'f44',
  ];
  const from = ['--arch', arch, '--base-image-build', nvr, '--results-loc', 'out/small.raw'];
  const indirect = /indirectionimage.* completed successfully/;
  const template = ['--indirection-template', site.file('tools.tdl')];
  koji([...tools, ...from, '--utility-image-task', task, ...template, '--scratch'], indirect);
  const url = ['--indirection-template', 'tools.tdl', '--indirection-template-url', ksurl];
  koji([...tools, ...from, '--utility-image-build', nvr, ...url], indirect);
  koji(['buildinfo', `small-${version}-1`], /small\.raw/);
  koji(
    [...words, '--scratch', '--kickstart', site.file('fails.ks'), ...image],
    /Image status is FAILED: Automated install failed or prompted for input/,
    1,
  );
  await describe(site.session, nvr);
}

/** Prints what the hub has of a build: files with their sizes, and the rpms in them. */
async function describe(session, nvr) {
  const { id } = await session.getBuild(nvr, true);
  for (const archive of await session.call('listArchives', [id])) {
    const rpms = await session.call('listRPMs', [], { imageID: archive.id });
    console.log(`       ${archive.filename} ${archive.size} ${rpms.map((rpm) => rpm.nvr).join(' ')}`);
  }
}

/** Runs a command, with what it says held against `expected`. */
function runner(folder, [command, ...first], env) {
  return (args, expected, status = 0) => {
    const login = ['-c', path.join(folder, 'koji.conf'), '--user', 'kojiadmin', '--password', 'secret'];
    const done = spawnSync(command, [...first, ...login, ...args], { cwd: folder, env, encoding: 'utf8' });
    const said = `${done.stdout}${done.stderr}`;
    const good = done.status === status && expected.test(said);
    console.log(`${good ? 'ok    ' : 'DIFFER'} ${args.map((arg) => path.basename(arg)).join(' ')}`);
    if (good) return said;
    process.exitCode = 1;
    console.log(`exit ${done.status}, wanted ${status} and ${expected}:\n${said}`);
    return said;
  };
}

/** Runs the command; `args` are the words after its name. */
export async function runImages(args) {
  const text = { type: 'string' };
  const { values } = parseArgs({
    args,
    options: { imagefactory: text, oz: text, pykickstart: text, koji: text, keep: { type: 'boolean' } },
  });
  const given = [values.imagefactory, values.oz, values.pykickstart];
  if (!given.every((place) => place && existsSync(place))) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const folder = siteFolder('images');
  console.log(`everything is in ${folder}`);
  const at = (name) => path.join(folder, name);
  let site = null;
  try {
    const sources = ['imagefactory', 'oz', 'pykickstart'].map((name) =>
      unpack(values[name], at(`source/${name}`)),
    );
    const tools = makePython(at('python'), sources);
    site = await startBuildSite({
      folder,
      distribution: emptyDistribution(at('packages')),
      kojid: { ...tools, buildroot_backend: 'auto' },
    });
    const { session } = site;
    for (const channel of ['image', 'livemedia', 'appliance'])
      await session.addHostToChannel('builder', channel).catch(() => null);
    const login = { server: `${site.url}/kojihub`, topurl: `${site.url}/kojifiles`, authtype: 'password' };
    writeSettings(at('koji.conf'), 'koji', login);
    const rpm = path.join(root, 'examples/data/mypkg-1.0-1.noarch.rpm');
    const ours = runner(folder, program('koji'), process.env);
    ours(['import', rpm.replace('noarch.rpm', 'src.rpm'), rpm], /importing .*done/);
    for (const name of ['server', 'small']) await session.call('packageListAdd', ['f44', name, 'kojiadmin']);
    await session.call('packageListAdd', ['f44-build', 'mypkg', 'kojiadmin']);
    await session.call('tagBuildBypass', ['f44-build', 'mypkg-1.0-1']);
    const format = '%{NAME},%{VERSION},%{RELEASE},%{ARCH},%{EPOCH},%{SIZE},%{SIGMD5},%{BUILDTIME}';
    const line = capture('rpm', ['-qp', '--qf', format, rpm]);
    writeFileSync(at('server.ks'), kickstart(line));
    writeFileSync(at('fails.ks'), kickstart(line, 'echo fail'));
    writeFileSync(at('tools.tdl'), '<template/>\n');
    mkdirSync(at('tree'));
    for (const name of ['server.ks', 'tools.tdl']) cpSync(at(name), path.join(at('tree'), name));
    const ksurl = site.git.commit('kickstarts', at('tree'));
    await site.startBuilder();
    console.log('\nOur command and kojid, with ImageFactory');
    await buildImages({ site, ksurl, koji: ours, who: 'ours' });
    if (values.koji) {
      const tree = unpack(values.koji, at('source/koji'));
      console.log("\nKoji's command at our hub and kojid");
      const theirs = runner(folder, [python, path.join(tree, 'cli/koji')], {
        ...process.env,
        PYTHONPATH: tree,
      });
      await buildImages({ site, ksurl, koji: theirs, who: 'theirs' });
    }
  } finally {
    await site?.stop();
    if (process.exitCode || values.keep) console.log(`the logs are in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}
