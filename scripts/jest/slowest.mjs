// Prints at the end of a run which files took longest.
const most = 10;

export default class {
  onRunComplete(_contexts, { testResults }) {
    if (testResults.length <= most) return;
    const files = testResults
      .map(({ testFilePath, perfStats }) => ({ file: testFilePath, seconds: perfStats.runtime / 1000 }))
      .toSorted((a, b) => b.seconds - a.seconds)
      .slice(0, most);
    console.log('\nThe slowest files:');
    for (const { file, seconds } of files)
      console.log(`${seconds.toFixed(0).padStart(5)} s ${file.replace(`${process.cwd()}/`, '')}`);
  }
}
