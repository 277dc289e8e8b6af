// A hub in a process of its own, to be killed: `hub-process.mjs FOLDER PORT`. Prints its URL when it answers.
import { ClientSession } from '@koji/client';
import { openForTests } from '@koji/hub/testing';

const [folder, port] = process.argv.slice(2);
const hub = await openForTests({
  folder,
  options: {
    Listen: `127.0.0.1:${port}`,
    Database: 'sqlite:koji.db',
    KojiDir: `${folder}/koji`,
    LogLevel: 'ERROR',
    RepoManager: 'external',
  },
  policies: {},
  plugins: {},
});
await hub.addUser('kojiadmin', 'kojiadmin', ['admin']);
const admin = new ClientSession(`${hub.url}/kojihub`);
await admin.login('kojiadmin', 'kojiadmin');
if (!(await admin.getHost('b1.example.com'))) await admin.addHost('b1.example.com', ['x86_64', 'noarch']);
await admin.logout();
await admin.close();
await hub.addUser('b1.example.com', 'b1.example.com', []);
process.stdout.write(`${hub.url}\n`);
