import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { byText, compareTexts, compsXml, sortTexts } from '../src/index.js';

test('texts are sorted by code points, characters beyond U+FFFF last', () => {
  const sorted = ['', 'Z', 'a', 'ab', 'é', '\ud7ff', '\ue000', '\uffee', '\u{10000}', '\u{1f600}'];
  expect(sortTexts([...sorted].reverse())).toEqual(sorted);
  expect([{ name: '\u{1f600}' }, { name: '\uffee' }].sort(byText(({ name }) => name))).toEqual([
    { name: '\uffee' },
    { name: '\u{1f600}' },
  ]);
});

test('any two texts are ordered as their UTF-8 is', () => {
  const text = fc.string({ unit: 'binary', maxLength: 5 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareTexts(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('Python sorts the same way', () => {
  const texts = ['b', '\u{1f600}', '\uffee', 'B', '\u{10ffff}', '\ue000x', 'é'];
  const program = 'import json, sys; print(json.dumps(sorted(json.loads(sys.argv[1]))))';
  const answer = execFileSync('python3', ['-c', program, JSON.stringify(texts)], { encoding: 'utf8' });
  expect(sortTexts(texts)).toEqual(JSON.parse(answer));
});

test('groups of comps.xml are in that order', () => {
  const group = (name: string) => ({ name, display_name: name, packagelist: [], grouplist: [] });
  const xml = compsXml([group('\u{1f600}'), group('\uffee')] as never);
  expect(xml.indexOf('\uffee')).toBeLessThan(xml.indexOf('\u{1f600}'));
});
