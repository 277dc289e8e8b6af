import { command } from '../command.js';
import { shells } from '../completion/shells.js';

const completion = command({
  name: 'completion',
  category: 'misc',
  extra: true,
  arguments: ['shell'],
  examples: [
    'completion bash > ~/.local/share/bash-completion/completions/koji',
    'completion zsh > ~/.zfunc/_koji',
    'completion fish > ~/.config/fish/completions/koji.fish',
  ],
  summary: 'Print a script that completes commands, options and names in a shell',
  usage: `completion [options] <bash|zsh|fish>

Names of tags, builds, packages and the like come from the hub and are kept for five minutes.`,
  anonymous: true,
  options: {},
  run({ args, global, write, usageError }) {
    const [shell = ''] = args;
    if (args.length !== 1) return usageError('Please specify a shell: bash, zsh or fish');
    const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (script === undefined) return usageError(`No such shell: ${shell}. Shells: bash, zsh, fish`);
    write(script.replaceAll('PROGRAM', global.program));
    return Promise.resolve();
  },
});

export const completing = [completion];
