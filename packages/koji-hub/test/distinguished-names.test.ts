import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import {
  componentOf,
  parseConfiguredSubject,
  parseSubject,
  sameSubject,
  subjectOf,
  subjectText,
} from '../src/auth/distinguished-names.js';
import { makeCertificate } from './support/certificates.js';

describe('the form of RFC 4514', () => {
  test.each([
    ['CN=alice,O=Example,C=US', [[['C', 'US']], [['O', 'Example']], [['CN', 'alice']]]],
    ['cn = alice , o=Big\\, Inc.', [[['O', 'Big, Inc.']], [['CN', 'alice']]]],
    [
      'CN=a\\+b+UID=7',
      [
        [
          ['CN', 'a+b'],
          ['UID', '7'],
        ],
      ],
    ],
    ['CN=M\\C3\\BCller', [[['CN', 'Müller']]]],
    ['CN="Smith, John",O=X', [[['O', 'X']], [['CN', 'Smith, John']]]],
    ['CN=ends with \\ ,O=X', [[['O', 'X']], [['CN', 'ends with  ']]]],
    ['1.2.3.4=#0C0161,CN=a', [[['CN', 'a']], [['1.2.3.4', null]]]],
    ['CN=,O=X', [[['O', 'X']], [['CN', '']]]],
  ])('%s', (text, parts) => {
    expect(parseSubject(text)).toEqual(parts);
  });

  test.each([
    '',
    'alice',
    'CN=a,',
    'CN=a,,O=b',
    ',CN=a',
    'CN="a',
    'CN="a"b',
    'CN=a\\',
    'CN=\\C3',
    '/CN=a',
    'CN=a<b',
  ])('is refused when it is malformed: %p', (text) => {
    expect(parseSubject(text)).toBeNull();
  });
});

describe('subjects of certificates', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'koji-subjects-'));
    await makeCertificate(folder, 'ca', { subject: '/CN=ca' });
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function subject(text: string, more: readonly string[] = []) {
    await makeCertificate(folder, 'one', { subject: text, by: 'ca', more });
    return subjectOf(new X509Certificate(await readFile(path.join(folder, 'one.crt'))));
  }

  test.each([
    '/C=US/O=Big, Inc. "x"/CN=Jörg & Co',
    '/DC=com/DC=example/UID=42/CN=alice/emailAddress=a@example.com',
    '/O=#1 \\\\ <a>;b/CN= x ',
  ])('are the same in both forms, and as they are shown: %s', async (text) => {
    const found = (await subject(text))!;
    expect(sameSubject(found, parseSubject(subjectText(found))!)).toBe(true);
    if (!text.includes('\\')) expect(sameSubject(found, parseConfiguredSubject(text)!)).toBe(true);
  });

  test('a value that looks like several parts is one', async () => {
    const found = (await subject('/O=Example\\/CN=root/OU=a,CN=root\\+CN=root'))!;
    expect(componentOf(found, 'CN')).toBeNull();
    expect(componentOf(found, 'O')).toBe('Example/CN=root');
    expect(sameSubject(found, parseConfiguredSubject('/O=Example/CN=root/OU=a,CN=root+CN=root')!)).toBe(
      false,
    );
  });

  test('a line end in a value makes no part', async () => {
    const found = (await subject('/O=Example\nCN=root/CN=alice'))!;
    expect(componentOf(found, 'CN')).toBe('alice');
    expect(componentOf(found, 'O')).toBeNull();
  });

  test('a type that is there twice names nobody', async () => {
    const found = (await subject('/CN=Users/CN=alice'))!;
    expect(componentOf(found, 'CN')).toBeNull();
  });

  test('the order and each value count', () => {
    const one = parseSubject('CN=koji-web,O=Example')!;
    expect(sameSubject(one, parseConfiguredSubject('/O=Example/CN=koji-web')!)).toBe(true);
    expect(sameSubject(one, parseConfiguredSubject('/CN=koji-web/O=Example')!)).toBe(false);
    expect(sameSubject(one, parseSubject('CN=koji-web,O=example')!)).toBe(false);
    expect(sameSubject(one, parseSubject('CN=koji-web')!)).toBe(false);
  });
});
