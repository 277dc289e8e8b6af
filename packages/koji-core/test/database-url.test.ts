import fc from 'fast-check';
import { ConfigError } from '../src/errors.js';
import { databaseUrl, hubOptions, readOptions } from '../src/config/index.js';

const url = (given: Record<string, string>): string =>
  databaseUrl(readOptions(hubOptions, new Map(Object.entries(given)), { file: 'hub.conf', section: 'hub' }));

test.each([
  [{}, 'sqlite:koji.db'],
  [{ Database: 'sqlite:/var/lib/koji.db', DBName: 'koji' }, 'sqlite:/var/lib/koji.db'],
  [{ DBName: 'koji' }, 'postgresql:///koji?host=%2Fvar%2Frun%2Fpostgresql'],
  [
    { DBName: 'koji', DBUser: 'koji', DBPass: 'p@ss/word', DBHost: 'db.example', DBPort: '5433' },
    'postgresql://koji:p%40ss%2Fword@db.example:5433/koji',
  ],
  [{ DBName: 'koji', DBUser: 'koji', DBHost: '' }, 'postgresql://koji@/koji?host=%2Fvar%2Frun%2Fpostgresql'],
  [
    { DBName: 'koji', DBUser: 'koji', DBHost: '/run/pg', DBPort: '5433' },
    'postgresql://koji@/koji?host=%2Frun%2Fpg&port=5433',
  ],
  [{ DBConnectionString: 'postgresql://u@h/d', DBName: 'other' }, 'postgresql://u@h/d'],
  [
    {
      DBConnectionString: "dbname = koji user=koji host=db port=5 password='it\\'s \\\\ me' sslmode=require",
    },
    "postgresql://koji:it's%20%5C%20me@db:5/koji?sslmode=require",
  ],
])('%j is %s', (given, expected) => expect(url(given)).toBe(expected));

test.each(['nonsense', 'dbname=koji host', "dbname='koji", 'dbname=koji,host=x extra'])(
  'the connection string %j is refused',
  (given) => {
    expect(() => url({ DBConnectionString: given })).toThrow(ConfigError);
  },
);

test('any password reaches the database as it is', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), (password) => {
      const quoted = password.replace(/['\\]/g, '\\$&');
      for (const given of [
        { DBName: 'd', DBUser: 'u', DBHost: 'h', DBPass: password },
        { DBConnectionString: `dbname=d user=u host=h password='${quoted}'` },
      ])
        expect(decodeURIComponent(new URL(url(given)).password)).toBe(password);
    }),
  );
});
