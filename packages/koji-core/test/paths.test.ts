import path from 'node:path';
import fc from 'fast-check';
import { GenericError } from '../src/faults.js';
import { PathInfo, joinSafe, nameProblem } from '../src/paths.js';

const paths = new PathInfo('/TOP');
const build = { name: 'n', version: 'v', release: 'r' };
const rpm = { ...build, arch: 'ARCH' };
const maven = { group_id: 'org.example', artifact_id: 'art', version: '1' };

test.each([
  [paths.volumedir(), '/TOP'],
  [paths.volumedir('DEFAULT'), '/TOP'],
  [paths.volumedir('VOL'), '/TOP/vol/VOL'],
  [paths.build(build), '/TOP/packages/n/v/r'],
  [paths.build({ ...build, volume_name: 'VOL' }), '/TOP/vol/VOL/packages/n/v/r'],
  [paths.build({ ...build, volume_name: 'DEFAULT' }), '/TOP/packages/n/v/r'],
  [paths.build({ ...build, volume_name: null }), '/TOP/packages/n/v/r'],
  [paths.mavenbuild(build), '/TOP/packages/n/v/r/maven'],
  [paths.mavenrepo(maven), 'org/example/art/1'],
  [paths.mavenfile({ ...maven, filename: 'art-1.jar' }), 'org/example/art/1/art-1.jar'],
  [paths.winbuild(build), '/TOP/packages/n/v/r/win'],
  [paths.winfile({ relpath: 'sub/dir', filename: 'f.exe' }), 'sub/dir/f.exe'],
  [paths.winfile({ relpath: '', filename: 'f.exe' }), 'f.exe'],
  [paths.winfile({ filename: 'f.exe' }), 'f.exe'],
  [paths.imagebuild(build), '/TOP/packages/n/v/r/images'],
  [paths.typedir(build, 'maven'), '/TOP/packages/n/v/r/maven'],
  [paths.typedir(build, 'win'), '/TOP/packages/n/v/r/win'],
  [paths.typedir(build, 'image'), '/TOP/packages/n/v/r/images'],
  [paths.typedir(build, 'BT'), '/TOP/packages/n/v/r/files/BT'],
  [paths.rpm(rpm), 'ARCH/n-v-r.ARCH.rpm'],
  [paths.signed(rpm, 'k'), 'data/signed/k/ARCH/n-v-r.ARCH.rpm'],
  [paths.sighdr(rpm, 'k'), 'data/sigcache/k/ARCH/n-v-r.ARCH.rpm.sig'],
  [paths.sighdr(rpm, ''), 'data/sigcache//ARCH/n-v-r.ARCH.rpm.sig'],
  [paths.buildLogs(build), '/TOP/packages/n/v/r/data/logs'],
  [paths.repo(5, 'tag'), '/TOP/repos/tag/5'],
  [paths.distrepo(5, 'tag'), '/TOP/repos-dist/tag/5'],
  [paths.distrepo(5, 'tag', 'VOL'), '/TOP/vol/VOL/repos-dist/tag/5'],
  [paths.repocache('tag'), '/TOP/repos/tag/cache'],
  [paths.taskrelpath(1230045), 'tasks/45/1230045'],
  [paths.work(), '/TOP/work'],
  [paths.work('VOL'), '/TOP/vol/VOL/work'],
  [paths.scratch(), '/TOP/scratch'],
  [paths.task(1230045), '/TOP/work/tasks/45/1230045'],
  [paths.task(1230045, 'VOL'), '/TOP/vol/VOL/work/tasks/45/1230045'],
])('%s is where Koji has it', (ours, theirs) => expect(ours).toBe(theirs));

test('a store without another name is /mnt/koji', () => {
  expect(new PathInfo().work()).toBe('/mnt/koji/work');
});

const part = fc
  .array(fc.constantFrom('..', '.', '', 'a', 'b c', '...', '~', '-', '..a', '\0'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join('/'));

test('joined parts never lead out of the first, whatever they are', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), (parts) => {
      let joined: string;
      try {
        joined = joinSafe('/TOP/work', ...parts);
      } catch (error) {
        expect(error).toBeInstanceOf(GenericError);
        return;
      }
      expect(`${path.posix.resolve(joined)}/`).toMatch(/^\/TOP\/work\//);
    }),
    { numRuns: 2000 },
  );
});

test.each([['..'], ['../a'], ['a/../../b'], ['/a'], ['//a'], ['./..'], ['a\0b']])('%j is refused', (part) => {
  expect(() => joinSafe('/TOP', part)).toThrow(GenericError);
});

test.each([
  [['a', 'b'], '/TOP/a/b'],
  [['a/../b'], '/TOP/b'],
  [['a/'], '/TOP/a'],
  [['.'], '/TOP'],
  [['..a'], '/TOP/..a'],
])('%j is joined to %s', (parts, joined) => expect(joinSafe('/TOP', ...parts)).toBe(joined));

describe('a path made of names', () => {
  const bad = ['..', '.', '', '../../evil', 'a/../../b', '/abs', 'a//b', 'a/', 'a\0b', 'a\nb'];
  type Make = (name: string) => string;
  const makers: Record<string, Make> = {
    'a volume': (name) => paths.volumedir(name),
    'the package of a build': (name) => paths.build({ ...build, name }),
    'the version of a build': (version) => paths.build({ ...build, version }),
    'the release of a build': (release) => paths.build({ ...build, release }),
    'the volume of a build': (volume_name) => paths.build({ ...build, volume_name }),
    'a build type': (name) => paths.typedir(build, name),
    'an artifact': (artifact_id) => paths.mavenrepo({ ...maven, artifact_id }),
    'the version of an artifact': (version) => paths.mavenrepo({ ...maven, version }),
    'the file of an artifact': (filename) => paths.mavenfile({ ...maven, filename }),
    'a file of Windows': (filename) => paths.winfile({ filename, relpath: 'a' }),
    'the arch of an rpm': (arch) => paths.rpm({ ...rpm, arch }),
    'the tag of a repo': (tag) => paths.repo(5, tag),
    'the tag of a dist repo': (tag) => paths.distrepo(5, tag),
    'the volume of a dist repo': (volume) => paths.distrepo(5, 'tag', volume),
    'the tag of a cache': (tag) => paths.repocache(tag),
    'the volume of uploads': (volume) => paths.work(volume),
  };

  test.each(Object.keys(makers))('refuses %s that leads elsewhere', (what) => {
    for (const name of bad) expect(() => makers[what]?.(name)).toThrow(GenericError);
    expect(() => makers[what]?.('a/b')).not.toThrow();
  });

  test('refuses keys and ids that lead elsewhere', () => {
    expect(() => paths.signed(rpm, '../..')).toThrow('Invalid path segment: ../..');
    expect(() => paths.sighdr(rpm, '/k')).toThrow(GenericError);
    // Values that a plugin in plain JavaScript may pass.
    expect(() => paths.task('../../x' as unknown as number)).toThrow(GenericError);
    expect(() => paths.repo('..' as unknown as number, 'tag')).toThrow(GenericError);
  });
});

test.each([
  ['a', null],
  ['a/b', null],
  ['a.b..c', null],
  ['x'.repeat(256), null],
  ['', 'it is empty'],
  ['a//b', 'a part of it between slashes is empty'],
  ['..', 'it begins with a dot'],
  ['a/.b', 'a part of it begins with a dot'],
  ['a\u007f', 'it has a control character'],
  ['é'.repeat(129), 'it is too long'],
])('what is wrong with the name %j is told: %s', (name, problem) => expect(nameProblem(name)).toBe(problem));
