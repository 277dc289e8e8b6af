import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { DateTime, Double, WireError, decodeCall, decodeMessage, encodeCall } from '../src/wire/index.js';
import { doubleToText } from '../src/wire/numbers.js';
import { document, soup, mutated } from './fixtures/wire-documents.js';

const oracle = fileURLToPath(new URL('./fixtures/wire-oracle.py', import.meta.url));
const havePython = spawnSync('python3', ['-c', 'import xmlrpc.client, pyexpat']).status === 0;
if (!havePython) console.warn('python3 is missing: the codec is not compared with Python in this run');
const describePython = havePython ? describe : describe.skip;

interface Answer {
  error?: string;
  keys?: boolean;
  method?: string | null;
  params?: unknown;
  fault?: unknown;
  xml?: string | null;
}

/** Python's result for each document. */
function askPython(documents: readonly (string | Uint8Array)[]): Answer[] {
  const input = documents.map((document) => `${Buffer.from(document).toString('base64')}\n`).join('');
  const { stdout, stderr, status } = spawnSync('python3', [oracle], { input, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

/** A decoded value in the oracle's words. */
function tagged(value: unknown): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return { int: String(value) };
  if (typeof value === 'number') {
    return Number.isInteger(value) ? { int: String(value) } : { double: doubleToText(value) };
  }
  if (value instanceof Double) return { double: doubleToText(value.value) };
  if (value instanceof DateTime) return { dateTime: value.value };
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(tagged);
  const byCodePoint = ([a]: [string, unknown], [b]: [string, unknown]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b));
  return {
    struct: Object.entries(value as object)
      .sort(byCodePoint)
      .map(([key, member]) => [key, tagged(member)]),
  };
}

function decoded(body: Uint8Array): Answer | WireError {
  try {
    const message = decodeMessage(body);
    if (message.kind === 'fault') return { fault: tagged([message.faultCode, message.faultString]) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  try {
    const { method, params } = decodeCall(body);
    return { method, params: tagged(params) };
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}

/** Compares one document's outcome; what is different, undefined when nothing is. */
function difference(document: string, python: Answer): string | undefined {
  const ours = decoded(Buffer.from(document));
  if (ours instanceof WireError) {
    if (python.error !== undefined || ours.kind === 'unsupported') return undefined;
    // Python knows many encodings; here a hub's clients have UTF-8, ASCII and Latin-1.
    if (/^the encoding/.test(ours.message)) return undefined;
    // A fault whose members have other types is not a fault to us.
    if (python.fault !== undefined && /faultCode|a fault/.test(ours.message)) return undefined;
    return `refused here (${ours.message}), read by Python: ${JSON.stringify(python)}`;
  }
  if (python.error !== undefined)
    return `read here, refused by Python (${python.error}): ${JSON.stringify(ours)}`;
  const theirs =
    python.fault === undefined
      ? { method: python.method ?? 'None', params: python.params }
      : { fault: python.fault };
  if (JSON.stringify(theirs) === JSON.stringify(ours)) return undefined;
  return `read differently: ${JSON.stringify(ours)}, by Python ${JSON.stringify(theirs)}`;
}

function expectAgreement(documents: string[], seed: number): void {
  const answers = askPython(documents);
  const problems = documents.flatMap((document, i) => {
    const problem = difference(document, answers[i]!);
    return problem === undefined ? [] : [`seed ${seed}: ${JSON.stringify(document)}\n  ${problem}`];
  });
  expect(problems.slice(0, 5)).toEqual([]);
}

describePython('the codec beside Python', () => {
  const { seed = 1 } = fc.readConfigureGlobal();
  const numRuns = 1500 * Number(process.env['KOJI_FUZZ_ROUNDS'] ?? 1);

  test('well-formed documents in any notation mean the same', () => {
    const documents = fc.sample(document, { seed, numRuns });
    const answers = askPython(documents);
    expect(answers.filter((answer) => answer.error === undefined).length).toBeGreaterThan(numRuns / 2);
    expectAgreement(documents, seed);
  });

  test('values are written alike, byte for byte', () => {
    const documents = fc.sample(document, { seed, numRuns });
    const problems: string[] = [];
    let compared = 0;
    askPython(documents).forEach(({ method, params, xml }, i) => {
      if (!params || typeof xml !== 'string') return;
      const theirs = Buffer.from(xml, 'base64').toString();
      // Objects put keys that are numbers first; Python writes dates unescaped and integers of any size.
      if (/<name>\d+<\/name>|<dateTime.iso8601>.*[<&>].*<\/|<i8>-?\d{19}/.test(theirs)) return;
      compared++;
      const call = encodeCall(method ?? '', decodeCall(Buffer.from(documents[i]!)).params);
      const ours = call.slice(call.indexOf('<params>\n'), call.lastIndexOf('</methodCall>'));
      // Python writes a carriage return unescaped, and it arrives as a line feed.
      if (ours !== theirs.replaceAll('\r', '&#13;'))
        problems.push(`seed ${seed}: ${JSON.stringify({ ours, theirs })}`);
    });
    expect(problems.slice(0, 5)).toEqual([]);
    expect(compared).toBeGreaterThan(numRuns / 3);
  });

  test('documents with one mistake are read or refused alike', () => {
    expectAgreement(fc.sample(mutated, { seed, numRuns: 2 * numRuns }), seed);
  });

  test('elements in senseless order are read or refused alike', () => {
    expectAgreement(fc.sample(soup, { seed, numRuns: 2 * numRuns }), seed);
  });
});
