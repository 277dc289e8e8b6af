// The peer of a listing: answers every request with the rows that the hub answered once, which it keeps in memory.
import { once } from 'node:events';
import http from 'node:http';
import { ClientSession } from '@koji/client';
import { encodeResponseStream } from '@koji/core/wire';

const session = new ClientSession(`${process.argv[2]}/kojihub`);
const rows = await session.listTagged('bench', null, true);
await session.close();

const server = http.createServer({ noDelay: true }, async (request, response) => {
  request.resume();
  response.writeHead(200, { 'Content-Type': 'text/xml' });
  for await (const chunk of encodeResponseStream(rows))
    if (!response.write(Buffer.from(chunk))) await once(response, 'drain');
  response.end();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`${rows.length} rows, answers at http://127.0.0.1:${server.address().port}/kojihub`);
});
process.on('SIGTERM', () => process.exit(0));
