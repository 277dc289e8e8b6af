import path from 'node:path';
import { RpmHeader } from '@koji/core/rpm';
import { noarchHash } from '../src/tasks/noarch-hash.js';

const rpms = path.join(import.meta.dirname, '../../koji-core/test/fixtures/rpms');

// The result of Koji's own builder for these files.
test.each([
  ['nomd5-1.0-1.noarch.rpm', 'cae59387b2801b45364f84422ac105374b4f98a40d2172d71c15ce1242c2bf85'],
  ['test-deps-1-1.fc24.x86_64.rpm', '75a6d367dfbceeea6be2ca6890c24b42a6e8b9a81e27bdac1f3da9ac4cd0a3e9'],
  ['test-files-1-1.fc27.noarch.rpm', 'a596320210696002d556237c891b5ef303f402eaf2fb11da57a37b55d58b409a'],
  ['pkgc-1.2-3.x86_64.rpm', '90d1a3020d87d59834c210b55c0d763f80f000f08e65ba954ff75767de5d31c0'],
  ['rich-1.0~rc1-2.x86_64.rpm', '5dbc645df30c57ae62997da342f238c83d1b00403e397173f6bdc4db08455ad7'],
  ['zorba-3.1-2.fc99.x86_64.rpm', '5ee90f02576a5b65a301caeab8362b6af534ad1f1366e191b03f7730f87ffff4'],
])('the hash of %s is Koji’s', async (file, hash) => {
  expect(noarchHash(await RpmHeader.read(path.join(rpms, file)))).toBe(hash);
});
