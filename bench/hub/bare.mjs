// The limit: a node:http server that reads a request and answers so many bytes, which it has ready. Prints its URL.
import http from 'node:http';

const bytes = Buffer.alloc(Number(process.argv[2]), 'x');
const server = http.createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'Content-Type': 'text/xml', 'Content-Length': bytes.length });
    response.end(bytes);
  });
});
server.listen(0, '127.0.0.1', () =>
  console.log(`answers at http://127.0.0.1:${server.address().port}/kojihub`),
);
