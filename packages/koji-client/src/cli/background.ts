import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Returns whether nobody is watching: there is no terminal, or the command runs in its background. */
export function runsInBackground(): boolean {
  if (!isatty(0)) return true;
  try {
    // After the program's name, which may contain anything: state, parent, process group, session, terminal, its group.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[2] !== fields[5];
  } catch {
    return false;
  }
}
