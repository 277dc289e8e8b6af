const bash = `_PROGRAM_complete() {
  local IFS=$'\\n' words
  words=($(PROGRAM __complete bash "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
  if [[ \${words[0]} == ':files' ]]; then
    compopt -o default
    COMPREPLY=()
    return
  fi
  [[ \${#words[@]} == 1 && \${words[0]} == *= ]] && compopt -o nospace
  COMPREPLY=("\${words[@]}")
}
complete -F _PROGRAM_complete PROGRAM
`;

const zsh = `#compdef PROGRAM
_PROGRAM() {
  local -a lines words_found
  local line word
  lines=("\${(@f)$(PROGRAM __complete zsh "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  if [[ \${lines[1]} == ':files' ]]; then
    _files
    return
  fi
  for line in "\${lines[@]}"; do
    [[ -n $line ]] || continue
    word=\${\${line%%$'\\t'*}//:/\\\\:}
    [[ $line == *$'\\t'* ]] && word+=:\${line#*$'\\t'}
    words_found+=("$word")
  done
  _describe PROGRAM words_found
}
if [[ \${funcstack[1]} == _PROGRAM ]]; then
  _PROGRAM "$@"
else
  compdef _PROGRAM PROGRAM
fi
`;

const fish = `function __PROGRAM_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (command PROGRAM __complete fish $words[2..] 2>/dev/null)
  if test "$found[1]" = ':files'
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`;

/** The completion scripts; `PROGRAM` stands for the program's name. */
export const shells: Readonly<Record<string, string>> = { bash, fish, zsh };

/** Splits a command line up to the cursor into words like a shell; the last one may be unfinished or empty. */
export function wordsOfLine(line: string): string[] {
  const words = [''];
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote !== '') {
      if (char === quote) quote = '';
      else words.push((words.pop() ?? '') + char);
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '\\') words.push((words.pop() ?? '') + line.charAt(++i));
    else if (/\s/.test(char)) {
      if (words.at(-1) !== '' || /["']/.test(line.charAt(i - 1))) words.push('');
    } else words.push((words.pop() ?? '') + char);
  }
  return words;
}

/** Bash treats `=` and `:` as word ends, and replaces only the text after the last of them. */
export function bashReplaces(typed: string, word: string): string {
  const kept = Math.max(typed.lastIndexOf('='), typed.lastIndexOf(':')) + 1;
  return word.startsWith(typed.slice(0, kept)) ? word.slice(kept) : word;
}
