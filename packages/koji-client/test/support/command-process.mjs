// Runs `koji` commands one after the other, as its parent asks for them; `end` follows what each has written.
import { writeSync } from 'node:fs';
import { runKoji } from '../../dist/cli/run.js';

const [end] = process.argv.slice(2);

process.on('message', async ({ args, cwd, home }) => {
  process.chdir(cwd);
  process.env.HOME = home;
  const code = await runKoji('koji', args);
  process.removeAllListeners('SIGINT');
  for (const fd of [1, 2]) writeSync(fd, end);
  process.send(code);
});
