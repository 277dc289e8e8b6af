import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeResponse, named } from '@koji/core/wire';
import { ClientSession } from '../src/index.js';
import { builtInCommands } from '../src/cli/commands/index.js';
import { errorOf, useHub } from './support/hub.js';
import type { RealHub } from './support/hub.js';

/** A command line, and what comes of it: its standard output, or its exit code and error. Words in quotes hold spaces. */
type Step = readonly [
  line: string,
  expected: string | RegExp | readonly [code: number, error: string | RegExp],
];

let hub: RealHub;
let admin: ClientSession;
const rpms = fileURLToPath(new URL('../../koji-core/test/fixtures/rpms/', import.meta.url));
const succeeded = new Set<string>();
const failed = new Set<string>();

useHub(
  async (opened) => {
    ({ hub, admin } = opened);
    await writeFile(
      join(hub.folder, 'comps.xml'),
      '<comps><group><id>build</id><name>build</name><packagelist><packagereq>bash</packagereq></packagelist></group></comps>',
    );
    await writeFile(join(hub.folder, 'a.ks'), 'lang en_US\n');
    await writeFile(join(hub.folder, 'notes.zip'), 'zip');
    const metadata = {
      metadata_version: 0,
      build: {
        name: 'cgpkg',
        version: '1',
        release: '1',
        source: 'git://example.com/cgpkg#1',
        start_time: 1,
        end_time: 2,
        extra: { typeinfo: { image: {} } },
      },
      buildroots: [
        {
          id: 1,
          host: { os: 'linux', arch: 'x86_64' },
          content_generator: { name: 'atomic', version: '1' },
          container: { type: 'none', arch: 'x86_64' },
          tools: [],
          components: [],
          extra: {},
        },
      ],
      output: [],
    };
    await writeFile(join(hub.folder, 'metadata.json'), JSON.stringify(metadata));
    const image = {
      ...metadata,
      build: { ...metadata.build, name: 'image' },
      output: [
        {
          buildroot_id: 1,
          filename: 'disk.zip',
          filesize: 3,
          checksum: createHash('md5').update('zip').digest('hex'),
          checksum_type: 'md5',
          arch: 'x86_64',
          type: 'zip',
          extra: { image: { arch: 'x86_64' } },
        },
      ],
    };
    await writeFile(join(hub.folder, 'image.json'), JSON.stringify(image));
    const output = await Promise.all(
      ['src', 'noarch'].map(async (arch) => {
        const filename = `nomd5-1.0-1.${arch}.rpm`;
        const bytes = await readFile(join(rpms, filename));
        const checksum = createHash('md5').update(bytes).digest('hex');
        const facts = { filesize: bytes.length, checksum, checksum_type: 'md5' };
        return { buildroot_id: 1, filename, ...facts, arch, type: 'rpm' };
      }),
    );
    const named = { name: 'nomd5', version: '1.0', release: '1', extra: { typeinfo: { rpm: {} } } };
    const drafted = { ...metadata, build: { ...metadata.build, ...named }, output };
    await writeFile(join(hub.folder, 'draft.json'), JSON.stringify(drafted));
    // The file of an import that broke off, and one whose header has another byte.
    const whole = await readFile(join(rpms, 'zorba-3.1-2.fc99.x86_64.rpm'));
    await writeFile(join(hub.folder, 'cut.rpm'), whole.subarray(0, 2000));
    whole[whole.length - 2] = (whole[whole.length - 2] ?? 0) ^ 1;
    await writeFile(join(hub.folder, 'damaged.rpm'), whole);
    await writeFile(
      join(hub.folder, 'chain.ini'),
      '[a]\nscmurl = git://example.com/a#1\n[b]\nscmurl = git://example.com/b#1\nbuildrequires = a\n',
    );
    await mkdir(join(hub.folder, 'out'));
    await writeFile(join(hub.folder, 'out', 'disk.zip'), 'zip');
    await copyFile(join(rpms, 'header-signed.rpm'), join(hub.folder, 'testpkg-1-1.0-1.noarch.rpm'));
    await mkdir(join(hub.kojiDir, 'vol', 'second'), { recursive: true });
  },
  { EnableMaven: 'yes', EnableWin: 'yes' },
);

const words = (line: string): string[] =>
  (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, ''));

/** Runs steps one after the other and compares all of them at once. */
async function run(steps: readonly Step[]): Promise<void> {
  const wrong: unknown[] = [];
  for (const [line, expected] of steps) {
    const [name = '', ...args] = words(line.replaceAll(/RPMS\/?/g, rpms));
    const ran = await hub.koji(name, ...args);
    (ran.code === 0 ? succeeded : failed).add(name);
    const isFailure = typeof expected !== 'string' && !(expected instanceof RegExp);
    const [code, text] = isFailure ? expected : [0, expected];
    const [, error] = errorOf(ran);
    const said = isFailure ? error : ran.stdout;
    const isRight = typeof text === 'string' ? said === text : text.test(said);
    if (ran.code !== code || !isRight || (!isFailure && ran.stderr !== ''))
      wrong.push({ line, ran, expected });
  }
  expect(wrong).toEqual([]);
}

const list = 'git://example.com/pkg#1';
const task = /^Created task: \d+\nTask info: .*\n$/;

test('users, permissions, hosts and channels', () =>
  run([
    ['add-user alice', 'Added user alice (2)\n'],
    ['add-user', [2, 'You must specify the username of the user to add\n']],
    ['add-user bob', /^Added user bob/],
    ['edit-user bob --rename robert', ''],
    ['edit-user nobody --rename x', [1, /No such user/]],
    ['disable-user robert', ''],
    ['disable-user', [2, 'You must specify the username of the user to disable\n']],
    ['enable-user robert', ''],
    ['enable-user nobody', [1, /No such user/]],
    ['grant-permission --new --description d mine alice', ''],
    ['grant-permission mine nobody', [2, 'No such user: nobody\n']],
    ['edit-permission mine other', ''],
    ['edit-permission mine', [2, 'Please specify a permission and a description\n']],
    ['list-permissions --user alice --quiet', /^mine/],
    ['list-permissions --user nobody', [1, 'No such user: nobody\n']],
    ['revoke-permission mine alice', ''],
    ['revoke-permission mine nobody', [2, 'No such user: nobody\n']],
    ['userinfo alice', /^User name: alice\n/],
    ['userinfo', [2, 'You must specify at least one username\n']],
    ['list-users', 'kojiadmin\nalice\nrobert\n'],
    ['list-users --usertype odd', [1, 'Invalid usertype: odd\n']],
    ['moshimoshi', /kojiadmin!\n\nYou are using the hub at /],
    ['moshimoshi x', [2, 'This command takes no arguments\n']],
    ['version', /^Client: .*\nHub: {4}/],
    ['version --nosuch', [2, 'no such option: --nosuch\n']],
    ['add-host builder1 x86_64', /^builder1 added: id \d+\n$/],
    ['add-host builder1 x86_64', [1, /already in the database/]],
    ['edit-host builder1 --capacity 4', 'Edited builder1\n'],
    [
      'edit-host nosuch --capacity 4',
      [1, 'No such host: nosuch\nNo changes made, please correct the command line\n'],
    ],
    ['disable-host builder1 --comment off', ''],
    ['disable-host nosuch', [1, 'No changes made. Please correct the command line.\n']],
    ['enable-host builder1', ''],
    ['enable-host nosuch', [1, 'No changes made. Please correct the command line.\n']],
    ['hostinfo builder1', /^Name: builder1\n/],
    ['hostinfo nosuch', [1, 'No such host: nosuch\n\n']],
    ['list-hosts --quiet', /^builder1 /],
    ['list-hosts --channel nosuch', [2, 'No such channel: nosuch\n']],
    ['add-channel extra', /^extra added: id \d+\n$/],
    ['add-channel extra', [1, 'channel extra already exists\n']],
    ['edit-channel extra --name more', ''],
    ['edit-channel nosuch --name more', [1, 'No such channel: nosuch\n']],
    ['add-host-to-channel builder1 more', ''],
    ['add-host-to-channel builder1 nosuch', [1, 'No such channel: nosuch\n']],
    ['disable-channel more', ''],
    ['disable-channel nosuch', [1, 'No changes made. Please correct the command line.\n']],
    ['enable-channel more', ''],
    ['enable-channel nosuch', [1, 'No changes made. Please correct the command line.\n']],
    ['list-channels --simple --quiet', /^.*\bmore\n/s],
    ['list-channels --nosuch', [2, 'no such option: --nosuch\n']],
    ['remove-host-from-channel builder1 more', ''],
    ['remove-host-from-channel builder1 more', [1, 'Host builder1 is not a member of channel more\n']],
    ['restart-hosts --nowait', ''],
    ['restart-hosts x', [2, 'restart-hosts does not accept arguments\n']],
  ]));

test('tags, targets, groups and external repos', () =>
  run([
    ['add-tag f44 --arches x86_64 --maven-support', ''],
    ['add-tag', [2, 'Please specify a name for the tag\n']],
    ['add-tag f44-build --parent f44 --arches x86_64', ''],
    ['edit-tag f44-build -x a=1', ''],
    ['edit-tag', [2, 'Please specify a name for the tag\n']],
    ['lock-tag f44-build', ''],
    ['lock-tag nosuch', [1, /GenericError: No such tagInfo: 'nosuch'\n$/]],
    ['unlock-tag f44-build', ''],
    ['unlock-tag nosuch', [2, 'No such tag: nosuch\n']],
    ['clone-tag f44 copy', ''],
    ['clone-tag nosuch copy2', [2, 'No such src-tag: nosuch\n']],
    ['add-tag-inheritance copy f44-build --priority 3', ''],
    ['add-tag-inheritance copy nosuch', [2, 'No such tag: nosuch\n']],
    ['edit-tag-inheritance copy f44-build --priority 4', ''],
    ['edit-tag-inheritance copy f44-build 9', [1, /^No inheritance link found to remove/]],
    ['list-tag-inheritance copy', /^ {5}copy \(\d+\)\n.*f44-build/s],
    ['list-tag-inheritance nosuch', [2, 'No such tag: nosuch\n']],
    ['remove-tag-inheritance copy f44-build', ''],
    ['remove-tag-inheritance copy', [1, /^No inheritance link found to remove/]],
    ['taginfo f44-build', /^Tag: f44-build \[\d+\]\n/],
    ['taginfo nosuch', [1, /GenericError: No such tagInfo: 'nosuch'\n$/]],
    ['list-tags f44*', 'f44\nf44-build\n'],
    ['list-tags --package nosuch', [2, 'No such package: nosuch\n']],
    ['remove-tag copy', ''],
    ['remove-tag copy', [1, 'No such tag: copy\n']],
    ['add-target f44 f44-build', ''],
    ['add-target f45 nosuch', [1, 'No such tag: nosuch\n']],
    ['edit-target f44 --rename f44-candidate', ''],
    ['edit-target nosuch --rename x', [1, /No such build target: nosuch/]],
    ['add-target f44 f44-build', ''],
    ['list-targets --quiet --name f44', /^f44 +f44-build +f44 +\n$/],
    ['list-targets --name nosuch', [2, 'No such build target: nosuch\n']],
    ['remove-target f44-candidate', ''],
    ['remove-target f44-candidate', [1, 'No such build target: f44-candidate\n']],
    ['add-group f44 build', ''],
    ['add-group f44 build', [1, 'Group build already exists for tag f44\n']],
    ['add-group f44 other', ''],
    ['add-group-pkg f44 build bash gcc', ''],
    ['add-group-pkg f44 build', [2, /^You must specify a tag name, group name/]],
    ['block-group-pkg f44 build gcc', ''],
    [
      'block-group-pkg f44 nosuch gcc',
      [1, 'TIME [ERROR] koji: GenericError: No such entry in table groups: nosuch\n'],
    ],
    ['unblock-group-pkg f44 build gcc', ''],
    [
      'unblock-group-pkg f44 build gcc',
      [1, 'TIME [ERROR] koji: GenericError: package gcc is NOT blocked in group 1, tag 1\n'],
    ],
    ['add-group-req f44 build other', ''],
    ['add-group-req f44 build', [2, 'You must specify a tag name and two group names\n']],
    ['block-group-req f44 build other', ''],
    [
      'block-group-req f44 nosuch other',
      [1, 'TIME [ERROR] koji: GenericError: No such entry in table groups: nosuch\n'],
    ],
    ['unblock-group-req f44 build other', ''],
    [
      'unblock-group-req f44 build other',
      [1, 'TIME [ERROR] koji: GenericError: group req 2 is NOT blocked in group 1, tag 1\n'],
    ],
    ['list-groups f44 build', /^build {2}\[f44\]\n/],
    ['list-groups', [2, 'Incorrect number of arguments\n']],
    ['show-groups f44', /^\[\{/],
    [
      'show-groups f44 --comps --show-blocked',
      [2, "--show-blocked doesn't make sense for comps/spec output\n"],
    ],
    ['block-group f44 nosuch', [1, "Group nosuch doesn't exist within tag f44\n"]],
    ['remove-group f44 other', ''],
    ['add-group f44 third', ''],
    ['block-group f44 third', ''],
    ['remove-group f44 nosuch', [1, "Group nosuch doesn't exist within tag f44\n"]],
    ['import-comps comps.xml f44-build', /^Group: build \(build\)\n {2}Package: bash: /],
    ['import-comps comps.xml nosuch', [1, 'No such tag: nosuch\n']],
    ['add-external-repo ext http://example.com/$arch/ -t f44-build::5', /^Created external repo \d+\n/],
    ['add-external-repo', [2, 'Incorrect number of arguments\n']],
    ['edit-external-repo ext --url http://example.com/2/$arch/', ''],
    ['edit-external-repo ext', [2, 'No changes specified\n']],
    ['list-external-repos --quiet', /^ext +http:\/\/example\.com\/2\/\$arch\/\n$/],
    ['list-external-repos x', [2, 'This command takes no arguments\n']],
    ['remove-external-repo ext', [1, /used by tag/]],
    ['remove-external-repo ext --alltags', ''],
    ['list-history --tag f44-build', /new tag: f44-build/],
    ['list-history', [2, 'Please specify an option to limit the query\n']],
    ['mock-config --tag f44-build --arch x86_64 --latest', /config_opts/],
    ['mock-config --tag f44-build', [1, 'Please specify an arch\n']],
  ]));

test('packages, builds and rpms', () =>
  run([
    ['add-pkg --owner alice f44 pkgc zsh', 'Adding 2 packages to tag f44\n'],
    ['add-pkg --owner nobody f44 x', [1, 'No such user: nobody\n']],
    ['set-pkg-owner kojiadmin f44 pkgc', ''],
    ['set-pkg-owner nobody f44 pkgc', [1, /GenericError: No such user: 'nobody'\n$/]],
    ['set-pkg-owner-global --verbose robert zsh', /Changing owner for zsh in tag f44: alice -> robert/],
    ['set-pkg-owner-global nobody', [2, 'Please specify an owner and at least one package\n']],
    ['set-pkg-arches x86_64 f44 pkgc', ''],
    ['set-pkg-arches x86_64', [2, 'Please specify an archlist, a tag, and at least one package\n']],
    ['block-pkg f44 zsh', ''],
    ['block-pkg f44 nosuch', [1, "Package nosuch doesn't exist in tag f44\n"]],
    ['unblock-pkg f44 zsh', ''],
    ['unblock-pkg f44', [2, 'Please specify a tag and at least one package\n']],
    ['list-pkgs --tag f44 --quiet', /^pkgc .*\nzsh .*\n$/],
    ['list-pkgs --tag nosuch', [2, 'No such tag: nosuch\n']],
    ['remove-pkg f44 zsh', ''],
    ['remove-pkg f44 nosuch', [1, 'Package nosuch is not in tag f44\n']],
    ['import RPMS/pkgc-1.2-3.src.rpm RPMS/pkgc-1.2-3.x86_64.rpm', /pkgc-1\.2-3/],
    ['import nosuch.rpm', [1, /nosuch\.rpm/]],
    [
      'import cut.rpm',
      [
        1,
        /GenericError: cut\.rpm is damaged or no rpm: the file ends at 2000, its headers need 4504 bytes\. Get the file again\.\n$/,
      ],
    ],
    [
      'import --create-build damaged.rpm',
      [1, /GenericError: damaged\.rpm is damaged: its SIGMD5 is \w+, not 206d0633fbe8d18b636b9c102e998d55\./],
    ],
    ['list-builds --pattern zorba*', /^[^z]*$/],
    ['buildinfo pkgc-1.2-3', /^BUILD: pkgc-1\.2-3 \[1\]\n/],
    ['buildinfo nosuch-1-1', [1, 'No such build: nosuch-1-1\n\n']],
    ['rpminfo pkgc-1.2-3.src', /^RPM: pkgc-1\.2-3\.src /],
    ['rpminfo nosuch-1-1.src', [1, 'No such rpm: nosuch-1-1.src\n\n']],
    ['list-untagged', 'pkgc-1.2-3\n'],
    ['list-untagged nosuch', [1, 'No such package: nosuch\n']],
    ['search package pkg*', 'pkgc\n'],
    ['search odd pkg*', [2, 'No such search type: odd\n']],
    ['list-builds --package pkgc --quiet', /^pkgc-1\.2-3 +kojiadmin +COMPLETE\n$/],
    ['list-builds', [2, 'Filter must be provided for list\n']],
    ['tag-build --nowait f44 pkgc-1.2-3', /^Created task \d+\n$/],
    ['tag-build f44', [2, /^This command takes at least two arguments/]],
    ['call tagBuildBypass f44 pkgc-1.2-3', 'None\n'],
    ['call nosuch', [1, /Invalid method: nosuch/]],
    ['list-tagged f44 --quiet', /^pkgc-1\.2-3 /],
    ['list-tagged nosuch', [2, 'No such tag: nosuch\n']],
    ['latest-build f44 pkgc --quiet', /^pkgc-1\.2-3 /],
    ['latest-build f44', [2, 'A tag name and package name must be specified\n']],
    ['move-build --nowait f44 f44-build pkgc-1.2-3', /^Created task \d+/],
    ['move-build f44 nosuch pkgc-1.2-3', [1, "TIME [ERROR] koji: GenericError: No such tagInfo: 'nosuch'\n"]],
    ['untag-build f44 pkgc-1.2-3', ''],
    ['untag-build f44 pkgc-1.2-3', [1, 'Build pkgc-1.2-3 not in tag f44\n']],
    ['import --create-build testpkg-1-1.0-1.noarch.rpm', /importing .* done\n$/s],
    ['import-sig testpkg-1-1.0-1.noarch.rpm', 'Signature already imported: testpkg-1-1.0-1.noarch.rpm\n'],
    ['import-sig nosuch.rpm', [2, 'No such file: nosuch.rpm\n']],
    ['write-signed-rpm 15f712be testpkg-1-1.0-1.noarch', '[1/1] testpkg-1-1.0-1.noarch\n'],
    ['write-signed-rpm', [2, 'A signature key must be specified\n']],
    ['list-signed --build testpkg-1-1.0-1', /signed\/15f712be\/noarch\/testpkg-1-1\.0-1\.noarch\.rpm\n$/],
    ['list-signed', [2, /^At least one from/]],
    [
      'prune-signed-copies --test',
      /^Skipping .*testpkg-1-1\.0-1\.noarch\.rpm\. File newer than cutoff\n--- Grand Totals ---\nFiles: 0\nBytes: 0\n$/,
    ],
    ['prune-signed-copies --days x', [2, "option --days: invalid integer value: 'x'\n"]],
    ['remove-sig testpkg-1-1.0-1.noarch --all', ''],
    ['remove-sig', [2, 'Please specify an RPM\n']],
    ['add-volume second', /^Added volume second with id \d+\n$/],
    ['add-volume second', [1, 'Volume second already exists\n']],
    ['list-volumes', 'DEFAULT\nsecond\n'],
    ['list-volumes --nosuch', [2, 'no such option: --nosuch\n']],
    ['set-build-volume -v second pkgc-1.2-3', 'pkgc-1.2-3: DEFAULT -> second\n'],
    ['set-build-volume nosuch pkgc-1.2-3', [1, 'No such volume: nosuch\n']],
    ['grant-cg-access alice atomic --new', ''],
    ['grant-cg-access alice', [2, 'Please specify a user and content generator\n']],
    ['grant-cg-access kojiadmin atomic', ''],
    ['reserve-cg atomic metadata.json', /^Reserved build \d+ with token '/],
    ['reserve-cg atomic', [2, 'The command takes exactly two arguments\n']],
    ['import-cg image.json out', 'Uploading out/disk.zip\n'],
    ['import-cg image.json out', [1, /GenericError: Build already exists: image-1-1 \(id=4\)\n$/]],
    ['import-cg metadata.json', [2, 'Please specify metadata files directory\n']],
    ['revoke-cg-access alice atomic', ''],
    ['revoke-cg-access alice', [2, 'Please specify a user and content generator\n']],
    [
      'import-archive --create-build --type image --type-info x86_64 notes-1-1 notes.zip',
      'Uploading archive: notes.zip\n\nImported: notes.zip\n',
    ],
    [
      'import-archive --type image --type-info x86_64 nosuch-1-1 notes.zip',
      [2, 'No such build: nosuch-1-1\n'],
    ],
    [
      'call --json-input createEmptyBuild \'"drafted"\' \'"1"\' \'"1"\' null --kwargs \'{"draft":true}\'',
      '6\n',
    ],
    ['import-cg --draft draft.json RPMS', /^Uploading .*nomd5-1\.0-1\.src\.rpm\nUploading .*noarch\.rpm\n$/],
    ['promote-build nomd5-1.0-1,draft_7', 'nomd5-1.0-1,draft_7 has been promoted to nomd5-1.0-1\n'],
    [
      'promote-build 6',
      [1, /GenericError: Cannot promote build drafted-1-1,draft_6\. Reason: it has no files\n$/],
    ],
    ['promote-build pkgc-1.2-3', [1, 'Not a draft build: pkgc-1.2-3\n']],
    [
      'download-build --noprogress pkgc-1.2-3',
      'Downloading [1/2]: pkgc-1.2-3.src.rpm\nDownloading [2/2]: pkgc-1.2-3.x86_64.rpm\n',
    ],
    ['download-build nosuch-1-1', [1, 'No such build: nosuch-1-1\n']],
    ['list-buildroot 1', ''],
    ['list-buildroot', [2, 'Incorrect number of arguments\n']],
  ]));

test('tasks, builds to be made, repos and notifications', () =>
  run([
    ['make-task sleep 1', /^Created task id \d+\n$/],
    ['make-task', [2, 'Please specify task method at least\n']],
    [`build --nowait f44 ${list}`, task],
    [`build --nowait nosuch ${list}`, [2, 'No such build target: nosuch\n']],
    [`chain-build --nowait f44 ${list} : ${list}`, task],
    [
      `chain-build f44 ${list}`,
      [
        2,
        'You must specify at least one dependency between builds with : (colon)\nIf there are no dependencies, use the build command instead\n',
      ],
    ],
    [`maven-build --nowait f44 ${list}`, task],
    ['maven-build f44', [2, 'Exactly two arguments (a build target and a SCM URL) are required\n']],
    ['maven-chain --nowait f44 chain.ini', task],
    ['maven-chain f44', [2, 'Two arguments (a build target and a config file) are required\n']],
    [`wrapper-rpm --nowait f44 notes-1-1 ${list}`, task],
    [
      'wrapper-rpm f44',
      [2, 'You must provide a build target, a build ID or NVR, and a SCM URL to a specfile fragment\n'],
    ],
    [`win-build --nowait f44 ${list} vm`, task],
    ['win-build f44', [2, /^Exactly three arguments/]],
    [
      'image-build --nowait --distro Fedora-44 --kickstart a.ks img 1 f44 http://example.com/tree x86_64',
      /Created task: \d+/,
    ],
    [
      'image-build img',
      [
        2,
        'At least five arguments are required: a name, a version, a build target, a URL to an install tree, and 1 or more architectures.\n',
      ],
    ],
    ['image-build-indirection', [1, /You must specify either a utility-image task or build ID\/NVR\n$/]],
    [
      'image-build-indirection --nowait --name i --version 1 --arch x86_64 --target f44 --base-image-build notes-1-1 --utility-image-build notes-1-1 --indirection-template t --indirection-template-url git://example.com/t#1 --results-loc out',
      task,
    ],
    ['spin-livecd --nowait --noprogress live 1 f44 x86_64 a.ks', /Created task: \d+/],
    [
      'spin-livecd live',
      [
        2,
        'Five arguments are required: a name, a version, an architecture, a build target, and a relative path to a kickstart file.\n',
      ],
    ],
    ['spin-appliance --nowait --noprogress app 1 f44 x86_64 a.ks', /Created task: \d+/],
    [
      'spin-appliance app',
      [
        2,
        'Five arguments are required: a name, a version, an architecture, a build target, and a relative path to a kickstart file.\n',
      ],
    ],
    [
      'spin-livemedia --nowait --noprogress --install-tree-url=http://example.com/tree media 1 f44 x86_64 a.ks',
      /Created task: \d+/,
    ],
    [
      'spin-livemedia media',
      [
        2,
        'Five arguments are required: a name, a version, a build target, an architecture, and a relative path to a kickstart file.\n',
      ],
    ],
    ['taskinfo 1', /^Task: 1\n/],
    ['taskinfo 99999', [1, /No such task: 99999/]],
    ['list-tasks', /^ID /],
    ['list-tasks --all', [2, '--all must be used with --after\n']],
    ['set-task-priority --priority 5 1', ''],
    ['set-task-priority 1', [2, 'You must specify --priority\n']],
    ['assign-task 1 builder1', 'assigned task 1 to host builder1\n'],
    ['assign-task 1', [2, 'please specify a task id and a hostname\n']],
    ['free-task 1', ''],
    ['free-task', [2, 'please specify at least one task_id\n']],
    ['cancel 1', ''],
    ['cancel', [2, 'You must specify at least one task id or build\n']],
    ['resubmit --nowait 1', /Resubmitted task 1 as new task \d+\n$/],
    ['resubmit', [2, 'Please specify a single task ID\n']],
    ['watch-task --quiet 1', [1, '']],
    ['watch-logs nosuch', [2, 'task id must be an integer\n']],
    ['download-logs 99999', [1, 'No such task: 99999\n']],
    ['download-task 99999', [1, 'No such task: 99999\n']],
    ['scheduler-info', /^Task /],
    ['scheduler-info x', [2, 'This command takes no arguments\n']],
    ['scheduler-logs', /^Task /],
    ['scheduler-logs x', [2, 'There are no arguments for this command\n']],
    ['request-repo --nowait f44-build', 'Got request: 1\n'],
    ['request-repo nosuch', [2, /nosuch/]],
    ['regen-repo --nowait --make-task f44-build', /^Regenerating repo for tag: f44-build\n/],
    ['regen-repo nosuch', [2, /nosuch/]],
    [
      'wait-repo --timeout 0 f44-build',
      [1, /Failed to get repo -- Unsuccessfully waited 0:00 for a new f44-build repo\n$/],
    ],
    ['wait-repo-request 99999', [1, 'TIME [ERROR] koji: GenericError: No such request\n']],
    ['dist-repo --nowait --allow-missing-signatures f44 --arch x86_64', 'Creating dist repo for tag f44\n'],
    ['dist-repo', [2, 'You must provide a tag to generate the repo from\n']],
    ['repoinfo', [2, 'Please specify a repo ID\n']],
    ['list-api getTag', /^getTag\(/],
    ['list-api nosuch', [2, 'Unknown method: nosuch\n']],
    ['add-notification --tag f44', ''],
    ['add-notification', [2, 'Command need at least one from --tag or --package options.\n']],
    ['edit-notification 1 --package pkgc', ''],
    ['edit-notification x --package pkgc', [2, 'Notification ID has to be numeric\n']],
    ['block-notification --package pkgc', ''],
    ['block-notification --package pkgc', [2, 'Notification already exists.\n']],
    ['list-notifications --mine', /^Notifications\n/],
    ['list-notifications', [2, 'Use --user or --mine.\n']],
    ['remove-notification 1', 'Notification 1 successfully removed.\n'],
    ['remove-notification', [2, 'At least one notification id has to be specified\n']],
    ['unblock-notification 1', 'Notification block 1 successfully removed.\n'],
    ['unblock-notification x', [2, 'All notification block ids has to be integers\n']],
  ]));

test('finished tasks and repos', async () => {
  await hub.setPassword('builder1', 'builder1');
  const builder = new ClientSession(hub.url);
  await builder.login('builder1', 'builder1');
  await builder.exclusiveSession();
  const finish = async (id: number, result: unknown): Promise<void> => {
    await admin.assignTask(id, 'builder1', true);
    await builder.host.openTask(id);
    await builder.uploadBytes(Buffer.from('done\n'), `tasks/${id % 10_000}/${id}`, { name: 'build.log' });
    await builder.host.closeTask(id, encodeResponse(result));
  };
  const id = await admin.makeTask('sleep', [1]);
  await finish(id, 0);
  const repoTask = await admin.newRepo('f44-build');
  await admin.assignTask(repoTask, 'builder1', true);
  await builder.host.openTask(repoTask);
  const [repoId] = await builder.host.repoInit('f44-build', named({ task_id: repoTask }));
  await builder.host.repoDone(repoId, {});
  await builder.host.closeTask(repoTask, encodeResponse([repoId, 1]));
  await builder.logout();
  await builder.close();
  await run([
    [`watch-task ${id}`, / sleep \(noarch\) completed successfully\n$/],
    [`watch-logs ${id}`, /done\n/],
    [`download-logs ${id}`, /^Downloading: kojilogs\/noarch-\d+\/build\.log\n$/],
    [`download-task --all --logs --noprogress ${id}`, /build\.noarch\.log/],
    [`repoinfo ${repoId}`, new RegExp(`^ID: ${repoId}\n`)],
    ['wait-repo --quiet --request f44-build', ''],
    ['wait-repo-request --timeout 0 1', /^Got repo \d+\nRepo info: /],
  ]);
});

test('every command of Koji succeeded here, and failed', () => {
  const names = builtInCommands.filter((command) => !command.extra).map(({ name }) => name);
  expect(names.filter((name) => !succeeded.has(name))).toEqual([]);
  expect(names.filter((name) => !failed.has(name))).toEqual([]);
});
