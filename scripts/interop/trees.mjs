// npm run interop -- trees --specs GIT:FOLDER DIR NAME[=SOURCE]…: source trees of other people's packages, to build with
// `npm run interop -- packages DIR`. The spec file (and patches beside it) of NAME comes from a git repository, as
// FOLDER/NAME.spec or FOLDER/NAME/; the source from apt-get (deb-src), where it is called SOURCE.
//
// A spec is changed where it can't be built from these sources, and each change is printed: the version when Debian has
// another one, signatures (which Debian has elsewhere), and the tags that Koji does not allow in spec files.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const execute = (program, args, how = {}) =>
  execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...how,
  });

/** Copies the spec file of a package, and what is beside it when it has a folder of its own. */
function copySpec([repository, folder], name, to) {
  const git = (...args) => execute('git', ['-C', repository, ...args], { encoding: 'buffer' });
  const list = (place) =>
    String(git('ls-tree', '--name-only', 'HEAD', place))
      .split('\n')
      .filter(Boolean);
  const own = list(`${folder}/${name}/`);
  const files = own.length > 0 ? own : list(`${folder}/${name}.spec`);
  if (files.length === 0) throw new Error(`${folder} has no spec file of ${name}`);
  for (const file of files) writeFileSync(path.join(to, path.basename(file)), git('show', `HEAD:${file}`));
}

/** The upstream tarball of a Debian source package, and its version. */
function download(source, to) {
  execute('apt-get', ['source', '--tar-only', '--download-only', '-qq', source], { cwd: to });
  const file = readdirSync(to).find((one) => /\.orig\.tar\.\w+$/.test(one));
  if (!file) throw new Error(`Debian's ${source} has no upstream tarball`);
  const [, version] = /_(.*)\.orig\.tar/.exec(file);
  return { file: path.join(to, file), version: version.replace(/\+(dfsg|ds|repack).*$/, '') };
}

/** Changes a spec file so that it fits the source; returns the text and what was changed. */
function adapt(text, version) {
  const changes = [];
  const drop = (pattern, what) => {
    const kept = text.split('\n').filter((line) => !pattern.test(line));
    if (kept.length < text.split('\n').length) changes.push(what);
    text = kept.join('\n');
  };
  drop(/^(Vendor|Packager|Distribution):/, 'without Vendor and Distribution');
  drop(/^Source\d*:.*\.(sig|asc|sign|gpg)$|gpgverify|-keyring\.|^Source\d*:.*keyring/i, 'without signatures');
  const [whole, head, old] = /^(Version:\s*)(\S+)$/m.exec(text) ?? [];
  if (old && !old.includes('%') && old !== version) {
    text = text.replace(whole, `${head}${version}`);
    changes.push(`${version} in place of ${old}`);
  }
  return { text, changes };
}

/** Sources and patches by number as the spec file names them, and the folder that it unpacks. */
function parsed(spec, macros) {
  const text = execute('rpmspec', ['--load', macros, '-P', spec]);
  const files = [...text.matchAll(/^(Source|Patch)(\d*):\s*(\S+)/gim)].map(([, kind, number, url]) => ({
    isFirst: kind.toLowerCase() === 'source' && Number(number) === 0,
    name: path.basename(url.split('#/').at(-1)),
  }));
  // The expansion of %setup starts with removing the folder that it will unpack.
  const [, folder = null] = /^rm -rf '?([^'/\s]+)'?$/m.exec(text) ?? [];
  return { files, folder };
}

const packers = { gz: 'gzip -nc', tgz: 'gzip -nc', xz: 'xz -c', bz2: 'bzip2 -c', zst: 'zstd -qc', lz: null };

/** Writes the tarball under the name, compression and top folder that the spec file expects. */
function place(from, to, folder) {
  const top = execute('tar', ['tf', from]).split('/')[0];
  const packer = packers[path.extname(to).slice(1)];
  const same = path.extname(from).slice(1) === path.extname(to).slice(1).replace('tgz', 'gz');
  if (same && (folder === null || folder === top)) return cpSync(from, to);
  if (!packer) throw new Error(`can't pack ${path.basename(to)}`);
  const work = mkdtempSync(path.join(tmpdir(), 'koji-tree-'));
  execute('tar', ['xf', from, '-C', work]);
  const wanted = folder ?? top;
  execute(
    'sh',
    [
      '-c',
      `${wanted === top ? '' : `mv "$1" "$2" &&`} tar cf - "$2" | ${packer} > "$3"`,
      'sh',
      top,
      wanted,
      to,
    ],
    { cwd: work },
  );
  rmSync(work, { recursive: true });
}

function makeTree(specs, folder, wanted, macros) {
  const [name, source = name] = wanted.split('=');
  const tree = path.join(folder, name);
  const work = mkdtempSync(path.join(tmpdir(), 'koji-tree-'));
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  try {
    copySpec(specs, name, tree);
    const spec = path.join(
      tree,
      readdirSync(tree).find((file) => file.endsWith('.spec')),
    );
    const { file, version } = download(source, work);
    const { text, changes } = adapt(readFileSync(spec, 'utf8'), version);
    writeFileSync(spec, text);
    const { files, folder: top } = parsed(spec, macros);
    for (const one of files) {
      const to = path.join(tree, one.name);
      if (one.isFirst) place(file, to, top);
      else if (!existsSync(to)) throw new Error(`${one.name} is neither beside the spec file nor in Debian`);
    }
    console.log(`${name}: ${version}${changes.map((change) => `; ${change}`).join('')}`);
  } catch (error) {
    rmSync(tree, { recursive: true, force: true });
    console.log(`${name}: no tree: ${String(error.stderr ?? '').trim() || error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Makes the trees that the arguments name. */
export function makeTrees(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { specs: { type: 'string' } },
  });
  const [folder, ...names] = positionals;
  if (!values.specs || names.length === 0) {
    console.error('usage: npm run interop -- trees --specs GIT:FOLDER DIR NAME[=SOURCE]…');
    process.exitCode = 2;
    return;
  }
  const macros = path.join(mkdtempSync(path.join(tmpdir(), 'koji-macros-')), 'macros');
  const { macros: lines } = JSON.parse(readFileSync(new URL('./fedora.json', import.meta.url), 'utf8'));
  writeFileSync(macros, `${lines.join('\n')}\n`);
  for (const name of names) makeTree(values.specs.split(':'), path.resolve(folder), name, macros);
  rmSync(path.dirname(macros), { recursive: true });
}
