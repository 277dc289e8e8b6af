// Parts of a text after which Python's textwrap may break a line: words, also at hyphens.
const piece =
  /([\t\n\v\f\r ]+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^\t\n\v\f\r ]+?(?:-(?:(?<=[A-Za-z_]{2}-)|(?<=[A-Za-z_]-[A-Za-z_]-))(?=[A-Za-z_]-?[A-Za-z_])|(?=[\t\n\v\f\r ]|$)|(?<=[\w!"'&.,?])(?=-{2,}\w)))/;

/** Breaks a text into lines of at most `width` characters, at the same places as Python's `textwrap.wrap`. */
export function wrapText(text: string, width: number): string[] {
  const pieces = text
    .replace(/[\t\n\v\f\r]/g, ' ')
    .split(piece)
    .filter((part) => part !== '');
  const lines: string[] = [];
  let line = '';
  for (let i = 0; i < pieces.length;) {
    const next = pieces[i] as string;
    if (line === '' && next.trim() === '' && lines.length > 0) {
      i++;
    } else if (line.length + next.length <= width) {
      line += next;
      i++;
    } else if (next.length > width) {
      // If not even a part fits, the line keeps its last space, as in Python.
      const room = width - line.length;
      lines.push(line + next.slice(0, room));
      pieces[i] = next.slice(room);
      line = '';
    } else {
      lines.push(line.trimEnd());
      line = '';
    }
  }
  if (line.trimEnd() !== '') lines.push(line.trimEnd());
  return lines;
}
