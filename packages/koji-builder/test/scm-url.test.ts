import path from 'node:path';
import fc from 'fast-check';
import { GenericError, SCM_TYPES } from '@koji/core';
import { Scm, isScmUrl } from '../src/scm/index.js';

const schemes = [
  ...['cvs://', 'cvs+ssh://', 'git://', 'git+http://', 'git+https://', 'git+rsync://', 'git+ssh://'],
  ...['svn://', 'svn+http://', 'svn+https://', 'svn+ssh://'],
];

const infoOf = (url: string) => Scm.parse(url).info;

describe('an SCM URL', () => {
  test.each([
    ['cvs://host/root?mod#REL_1', 'CVS', 'cvs://', '/root', 'mod', 'REL_1'],
    ['cvs+ssh://host/root?mod#HEAD', 'CVS+SSH', 'cvs+ssh://', '/root', 'mod', 'HEAD'],
    ['git://host/a/b.git?sub/folder#v1.0', 'GIT', 'git://', '/a/b.git', 'sub/folder', 'v1.0'],
    ['git+https://host/b.git?#origin/f44', 'GIT', 'git+https://', '/b.git', '', 'origin/f44'],
    ['git+http://host/b/?m/#main~1', 'GIT', 'git+http://', '/b', 'm', 'main~1'],
    ['git+rsync://host/b#a=b', 'GIT', 'git+rsync://', '/b', '', 'a=b'],
    ['git+ssh://host/b/.git#bab0c739', 'GIT+SSH', 'git+ssh://', '/b/.git', '', 'bab0c739'],
    ['svn+https://host/repos/x?trunk#1234', 'SVN', 'svn+https://', '/repos/x', 'trunk', '1234'],
    ['svn+ssh://host/repos/x?trunk#HEAD', 'SVN+SSH', 'svn+ssh://', '/repos/x', 'trunk', 'HEAD'],
  ])('%s is taken apart', (url, ...parts) => {
    const [scmtype, scheme, repository, module, revision] = parts;
    expect(isScmUrl(url)).toBe(true);
    expect(infoOf(url)).toEqual({
      ...{ url, scmtype, scheme, repository, module, revision },
      user: null,
      host: 'host',
    });
    expect(SCM_TYPES).toContain(scmtype);
  });

  test('may name a user and a port, and a host is the same in capital letters', () => {
    expect(infoOf('git+ssh://Ann.B-c@Git.Example.COM:2222/x#y')).toMatchObject({
      user: 'Ann.B-c',
      host: 'git.example.com:2222',
    });
    expect(infoOf('git://[::1]:9418/x#y')).toMatchObject({ host: '[::1]:9418' });
  });

  test.each(['//bad/x', '////bad/x', '/./bad/x', '//.//bad/x', '/good/../bad/x', '/..//bad/x', '/bad/x/'])(
    '%s is the same repository as /bad/x',
    (repository) => expect(infoOf(`git://host${repository}#1234`).repository).toBe('/bad/x'),
  );

  test.each([
    'http://localhost/x.html',
    'x-1-1.src.rpm',
    'https://host/x.src.rpm',
    'git:x',
    'GIT://host/x#y',
    '',
  ])('%j is none', (text) => {
    expect(isScmUrl(text)).toBe(false);
    expect(() => Scm.parse(text)).toThrow(
      'Invalid scheme in scm url. Valid schemes are: cvs+ssh:// cvs:// git+http:// git+https:// git+rsync:// ' +
        'git+ssh:// git:// svn+http:// svn+https:// svn+ssh:// svn://',
    );
  });

  test.each([
    ['git://user@@host/x#y', 'Invalid username@hostname specified'],
    ['git://user:secret@host/x#y', 'username:password format not supported: user:(not shown)'],
    ['git://host/x.git;params#y', 'Params element params should be empty.'],
    ['git://host#y', 'Could not find the path element.'],
    ['git://host/x.git', 'Could not find the fragment element.'],
    ['git:///x#y', 'Could not find the netloc element.'],
    ['git://host/#y', "The repository '' is not"],
    ['git+ssh://-oProxyCommand=id@host/x#y', "The login '-oProxyCommand=id' is not"],
    ['git+ssh://-oProxyCommand=id/x#y', "The host '-oproxycommand=id' is not"],
    ['cvs+ssh://a@$(id)/x?m#y', "The host '$(id)' is not"],
    ['git://host./x#y', "The host 'host.' is not"],
    ['git://host/x#--upload-pack=id', "The revision '--upload-pack=id' is not one branch, tag or commit."],
    ['git://host/x#origin/--upload-pack=id', "The revision 'origin/--upload-pack=id' is not"],
    ['git://host/x#origin/', "The revision 'origin/' is not"],
    ['git://host/x#+main', "The revision '+main' is not"],
    ['git://host/x#a:b', "The revision 'a:b' is not"],
    ['git://host/x#a..b', "The revision 'a..b' is not"],
    ['git://host/x#a b', "The revision 'a b' is not"],
    ['git://host/x#a\nb', "The revision 'a\nb' is not"],
    ['git://host/x\0y#a', 'is not a path of letters'],
    ['git://host/x y#a', 'is not a path of letters'],
    ['git://host/ü#a', 'is not a path of letters'],
    ['git://host/x?../../etc#a', "The module '../../etc' is not a relative path"],
    ['git://host/x?a/../../b#a', 'is not a relative path'],
    ['git://host/x?/etc#a', 'is not a relative path'],
    ['svn://host/x?--config-dir=/tmp#1', 'is not a relative path'],
    ['cvs://host/x?a/-d#1', 'is not a relative path'],
    ['git://host/good/%2e%2E/bad#a', 'has characters written as %XX that can stand for themselves'],
    ['git://host/b%61d#a', 'has characters written as %XX'],
    ['git://host/a%2Fb#a', 'has characters written as %XX'],
    ['git://host/a%00#a', 'has characters written as %XX'],
    ['git://host/a%c0%ae#a', 'or none at all'],
    ['git://host/a%#a', 'or none at all'],
    ['git://host/x/...git#a', "A repository can't be named '...git'."],
    ['git://host/x/..git#a', "A repository can't be named '..git'."],
    ['git://host/.git#a', "A repository can't be named '.git'."],
  ])('%j is refused', (url, message) => {
    expect(isScmUrl(url)).toBe(true);
    const parse = (): unknown => Scm.parse(url);
    expect(parse).toThrow(GenericError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow('secret');
  });

  test('has a password only where they are allowed, and where they can be kept out of sight', () => {
    const parse = (url: string) => Scm.parse(url, { allowPassword: true }).info;
    expect(parse('git+https://ann:s3c:ret@host/x#y')).toMatchObject({ user: 'ann:s3c:ret', host: 'host' });
    for (const url of [
      'git+ssh://ann:secret@host/x#y',
      'svn+https://ann:secret@host/x?m#1',
      'cvs://:secret@h/x?m#1',
    ])
      expect(() => parse(url)).toThrow(/^username:password format not supported: \w*:\(not shown\)$/);
  });

  test('whatever it says: what is accepted is no option, and leads nowhere else', () => {
    const hostile = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            '..',
            '.',
            '/',
            '-',
            '--upload-pack=id',
            '%2e',
            '%2F',
            '%',
            ';',
            'a',
            'b1',
            '.git',
            '@',
            ':',
          ),
          fc.constantFrom(
            '#',
            '?',
            '\0',
            '\n',
            ' ',
            'origin/',
            '$(id)',
            '`id`',
            '|',
            '\\',
            '[',
            '^',
            '~',
            'ü',
            '\ud800',
          ),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(''));
    const part = (...harmless: string[]) => fc.oneof(fc.constantFrom(...harmless), hostile);
    const scheme = fc.constantFrom(...schemes);
    const url = fc
      .tuple(
        scheme,
        part('host', 'ann@host'),
        part('a/b', 'x.git'),
        part('', 'm/n'),
        part('main', 'origin/f44'),
      )
      .map(([name, host, place, module, revision]) => `${name}${host}/${place}?${module}#${revision}`);
    let accepted = 0;
    fc.assert(
      fc.property(url, (text) => {
        let info;
        try {
          info = infoOf(text);
        } catch (error) {
          expect(error).toBeInstanceOf(GenericError);
          return;
        }
        accepted += 1;
        const { host, repository, module, revision } = info;
        for (const value of [host, module, revision, revision.replace(/^origin\//, '')])
          expect(value).not.toMatch(/^-|[\s\p{Cc}]/u);
        expect(revision).not.toBe('');
        expect(path.posix.normalize(repository)).toBe(repository);
        expect(path.posix.join('/folder', module)).toBe(module === '' ? '/folder' : `/folder/${module}`);
        expect(decodeURIComponent(repository).split('/')).not.toContain('..');
        expect(host).toMatch(/^[a-z0-9_.:[\]-]+$/);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
