// Prints at the end of a run which files took longest, and keeps the seconds of all for `npm run measures`.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { testSecondsFile } from '../test-seconds.mjs';

const most = 10;
/** A run of fewer files was not one of the whole suite. */
const whole = 150;

export default class {
  onRunComplete(_contexts, { testResults }) {
    if (testResults.length <= most) return;
    const files = testResults
      .map(({ testFilePath, perfStats }) => ({ file: testFilePath, seconds: perfStats.runtime / 1000 }))
      .toSorted((a, b) => b.seconds - a.seconds);
    const relative = (file) => path.relative(process.cwd(), file);
    if (files.length >= whole) {
      const seconds = Object.fromEntries(files.map((one) => [relative(one.file), one.seconds]));
      mkdirSync(path.dirname(testSecondsFile), { recursive: true });
      writeFileSync(testSecondsFile, JSON.stringify(seconds));
    }
    console.log('\nThe slowest files:');
    for (const { file, seconds } of files.slice(0, most))
      console.log(`${seconds.toFixed(0).padStart(5)} s ${relative(file)}`);
  }
}
