import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { ConfigError } from './errors.js';

/**
 * Reads the first line of a file, or of standard input for `-`. A password must not be an argument, which every user of the
 * machine can see.
 *
 * @throws ConfigError if there is none
 */
export async function readPassword(file: string): Promise<string> {
  const content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  const [line = ''] = content.split('\n', 1);
  const password = line.replace(/\r$/, '');
  if (password === '')
    throw new ConfigError(`no password in ${file === '-' ? 'standard input' : `'${file}'`}`);
  return password;
}

/** Prompts for a password on the terminal without echoing it. */
export async function askPassword(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the prompt, because input that arrives at once would be echoed.
  stdin.setRawMode(true);
  try {
    stderr.write(question);
    return await typedLine();
  } finally {
    stdin.setRawMode(false);
    stderr.write('\n');
  }
}

/** Reads a line from the terminal. Input after it is kept for the next prompt. */
function typedLine(): Promise<string> {
  return new Promise((resolve, reject) => {
    const { stdin } = process;
    let typed = '';
    const hear = (data: string): void => {
      const end = data.search(/[\r\n\u0003\u0004]/);
      for (const key of end < 0 ? data : data.slice(0, end))
        typed = key === '\u007f' || key === '\b' ? Array.from(typed).slice(0, -1).join('') : typed + key;
      if (end < 0) return;
      stdin.off('data', hear);
      stdin.pause();
      const rest = data.slice(end + 1);
      if (rest !== '') stdin.unshift(rest);
      if (data[end] === '\r' || data[end] === '\n') resolve(typed);
      else reject(new ConfigError('no password given'));
    };
    stdin.setEncoding('utf8').on('data', hear).resume();
  });
}
