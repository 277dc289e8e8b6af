/** Who a line is from. */
export type Speaker = 'dev' | 'tsc' | 'hub' | 'kojid' | 'koji';

const colours: Readonly<Record<Speaker, number>> = { dev: 1, tsc: 35, hub: 36, kojid: 33, koji: 32 };
const width = 5;

/** Prints lines with the name of the program that they are from. */
export class Output {
  private readonly isColoured = process.stdout.isTTY && !process.env['NO_COLOR'];

  constructor() {
    // A closed terminal is no reason to leave the programs running.
    process.stdout.on('error', () => undefined);
  }

  line(speaker: Speaker, line: string): void {
    const text = plain(line);
    if (speaker !== 'dev' && text === '') return;
    const name = speaker.padEnd(width);
    const shown = this.isColoured ? `\u001b[${colours[speaker]}m${name}\u001b[0m` : name;
    process.stdout.write(`${shown} | ${text}\n`);
  }
}

/** Leaves out of a line what only logs of several days and processes need, and what everybody knows. */
function plain(line: string): string {
  return line
    .replace(/^\d{4}-\d\d-\d\d [\d:,]+ \[(\w+)\] \{\d+\} (\S+) /, '$1 $2: ')
    .replace(/^\d+:\d\d:\d\d [AP]M - /, '')
    .replace(/( ready as \S+ at \S+), methods: .*/, '$1')
    .replace(/^.*For help, see: https:\/\/nodejs\.org\/\S*$/, '');
}
