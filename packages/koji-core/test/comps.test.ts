import { compsXml, groupsSpec, readComps } from '../src/index.js';
import type { TagGroup } from '../src/api/index.js';

const group = (name: string, packages: readonly string[], required: readonly string[] = []): TagGroup => ({
  group_id: 1,
  name,
  tag_id: 1,
  blocked: false,
  exported: true,
  display_name: name.toUpperCase(),
  is_default: null,
  uservisible: true,
  description: null,
  langonly: null,
  biarchonly: false,
  packagelist: packages.map((entry) => ({
    group_id: 1,
    tag_id: 1,
    package: entry,
    blocked: false,
    type: 'mandatory',
    basearchonly: null,
    requires: null,
  })),
  grouplist: required.map((entry) => ({
    group_id: 1,
    tag_id: 1,
    req_id: 2,
    name: entry,
    blocked: false,
    type: null,
    is_metapkg: false,
  })),
});

test('a comps file is read as it was written', () => {
  const [read] = readComps(compsXml([group('build', ['gcc', 'bash'])]), 'comps.xml');
  expect(read).toMatchObject({ id: 'build', name: 'BUILD', isDefault: false, isUserVisible: true });
  expect(read?.packages.map(({ name }) => name)).toEqual(['bash', 'gcc']);
});

test('kinds of packages, entities and attributes in either quotes are read, translations left out', () => {
  const text = `<?xml version='1.0'?>
    <comps>
      <!-- <group> -->
      <group>
        <id>a&amp;b</id>
        <name>A</name><name xml:lang='de'>Ä</name>
        <biarchonly>true</biarchonly><langonly>de</langonly>
        <packagelist>
          <packagereq>plain</packagereq>
          <packagereq type='conditional' requires="x > y">maybe</packagereq>
          <packagereq basearchonly = "true" type="odd">other</packagereq>
        </packagelist>
      </group>
      <category><id>c</id></category>
      <group><id>empty</id></group>
    </comps>`;
  expect(readComps(text, 'comps.xml')).toEqual([
    {
      id: 'a&b',
      name: 'A',
      description: null,
      isDefault: false,
      isUserVisible: false,
      isBiarchOnly: true,
      langOnly: 'de',
      packages: [
        { name: 'plain', type: 'mandatory', isBasearchOnly: false, requires: null },
        { name: 'maybe', type: 'conditional', isBasearchOnly: false, requires: 'x > y' },
        { name: 'other', type: 'unknown', isBasearchOnly: true, requires: null },
      ],
    },
    expect.objectContaining({ id: 'empty', name: null, packages: [] }),
  ]);
});

test('anything but a well-formed comps file is refused by name', () => {
  expect(() => readComps('<comps><group></comps>', 'broken.xml')).toThrow(
    'broken.xml is no well-formed comps file',
  );
});

test('the spec of a build group requires its packages and those of the groups it requires, each once', () => {
  const spec = groupsSpec([
    group('build', ['gcc', 'bash'], ['more', 'lost']),
    group('more', ['make'], ['build']),
    group('other', ['never']),
  ]);
  expect(spec).toContain(
    '#package requirements\n#Group: build\nRequires: bash\nRequires: gcc\n' +
      '#Group: more\nRequires: make\n#MISSING GROUP: lost\n\n%description\n',
  );
  expect(groupsSpec([])).toContain('#MISSING GROUP: build\n');
});
