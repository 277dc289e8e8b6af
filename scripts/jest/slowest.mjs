// Prints at the end of a run which files took longest, and keeps the seconds of all for `npm run measures`.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { processorFile, testSecondsFile } from '../test-seconds.mjs';

const most = 15;
/** A run of fewer files was not one of the whole suite. */
const whole = 150;

export default class {
  onRunStart() {
    rmSync(processorFile, { force: true });
  }

  onRunComplete(_contexts, { testResults }) {
    if (testResults.length === 0) return;
    const processor = processorSeconds();
    const files = testResults
      .map(({ testFilePath, perfStats }) => ({
        name: path.relative(process.cwd(), testFilePath),
        seconds: perfStats.runtime / 1000,
        processor: processor.get(testFilePath) ?? 0,
      }))
      .toSorted((a, b) => b.processor - a.processor);
    if (files.length >= whole) {
      const seconds = Object.fromEntries(files.map((one) => [one.name, one.seconds]));
      writeFileSync(testSecondsFile, JSON.stringify(seconds));
    }
    const total = files.reduce((sum, one) => sum + one.processor, 0);
    console.log(
      `\nProcessor time, and time with all waits, of ${files.length} files (${total.toFixed(0)} s in all):`,
    );
    for (const { name, seconds, processor } of files.slice(0, most))
      console.log(`${processor.toFixed(1).padStart(7)} s ${seconds.toFixed(1).padStart(7)} s ${name}`);
  }
}

/** The records of each test file's environment, by file. */
function processorSeconds() {
  const lines = readFileSync(processorFile, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map(({ file, seconds }) => [file, seconds]));
}
