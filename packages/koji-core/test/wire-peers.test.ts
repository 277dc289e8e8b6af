import http from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import xmlrpc from 'xmlrpc';
import {
  WireError,
  decodeCall,
  decodeResponse,
  encodeCall,
  encodeFault,
  encodeResponse,
} from '../src/wire/index.js';
import { mutated, notatedText } from './fixtures/wire-documents.js';

/** Result of saxes, another XML parser: the text of the string elements, or that it is not XML. */
function saxes(source: string): string[] | undefined {
  const parser = new SaxesParser({ xmlns: false });
  const texts: string[] = [];
  let text = '';
  const errors: Error[] = [];
  parser.on('error', (error) => errors.push(error));
  parser.on('opentag', () => (text = ''));
  parser.on('text', (data) => (text += data));
  parser.on('cdata', (data) => (text += data));
  parser.on('closetag', (tag) => {
    if (/^(?:.*:)?string$/.test(tag.name)) texts.push(text);
  });
  parser.write(source).close();
  return errors.length > 0 ? undefined : texts;
}

describe('beside saxes', () => {
  test('what is not XML is refused', () => {
    fc.assert(
      fc.property(mutated, (source) => {
        // saxes knows a document type without reading it, and refuses names that only start with xml.
        fc.pre(!/<!DOCTYPE|<\?xml/.test(source));
        if (saxes(source) === undefined) expect(() => decodeCall(Buffer.from(source))).toThrow(WireError);
      }),
      { numRuns: 500 },
    );
  });

  test('the text of a string is the same', () => {
    fc.assert(
      fc.property(notatedText, (text) => {
        const source = `<params><value><string>${text}</string></value></params>`;
        const wanted = saxes(source);
        if (wanted === undefined) expect(() => decodeCall(Buffer.from(source))).toThrow(WireError);
        else expect(decodeCall(Buffer.from(source)).params).toEqual(wanted);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('beside the xmlrpc package', () => {
  // Values that this package supports: no 64-bit integers, no whole doubles, no control characters.
  const text = fc
    .string({ unit: 'grapheme', maxLength: 20 })

    .map((s) => s.replace(/[\0-\x1f\ufffe\uffff]/g, ' '));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      text,
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc
        .double({ min: -1e6, max: 1e6, noNaN: true })
        .filter((n) => !Number.isInteger(n) && Math.abs(n) > 1e-3),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tie('value'), { maxKeys: 4 }),
    ),
  }));

  function call(client: xmlrpc.Client, method: string, params: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      client.methodCall(method, params, (error: unknown, answer: unknown) => {
        const failed = error as Error | null;
        if (failed) reject(failed);
        else resolve(answer);
      });
    });
  }

  test('its client reads what this codec answers', async () => {
    const server = http.createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { method, params } = decodeCall(Buffer.concat(parts));
        response.end(
          method === 'echo' ? encodeResponse(params) : encodeFault(1000, `Invalid method: ${method}`),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = xmlrpc.createClient({ host: '127.0.0.1', port, path: '/' });
    try {
      for (const params of fc.sample(fc.array(value, { maxLength: 4 }), 60)) {
        expect(await call(client, 'echo', params)).toEqual(params);
      }
      await expect(call(client, 'nope', [])).rejects.toMatchObject({
        faultCode: 1000,
        faultString: 'Invalid method: nope',
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('its server reads what this codec asks', async () => {
    const server = xmlrpc.createServer({ host: '127.0.0.1', port: 0 });
    server.on(
      'echo',
      (_error: unknown, params: unknown[], answer: (error: unknown, value: unknown) => void) => {
        answer(null, params);
      },
    );
    const { httpServer } = server as unknown as { httpServer: http.Server };
    if (!httpServer.listening) await new Promise((resolve) => httpServer.once('listening', resolve));
    const { port } = httpServer.address() as AddressInfo;
    try {
      for (const params of fc.sample(fc.array(value, { minLength: 1, maxLength: 4 }), 60)) {
        const answer = await fetch(`http://127.0.0.1:${port}/`, {
          method: 'POST',
          headers: { 'Content-Type': 'text/xml' },
          body: encodeCall('echo', params),
        });
        const body = Buffer.from(await answer.arrayBuffer());
        expect(decodeResponse(body, { doubles: 'number' })).toEqual({ value: params });
      }
    } finally {
      httpServer.closeAllConnections();
      await new Promise((resolve) => httpServer.close(resolve));
    }
  });
});
