// The terminal session in README.md, out of what the quickstart prints:
// npm run quickstart -- --once | node scripts/picture.mjs > docs/quickstart.svg
import { text } from 'node:stream/consumers';

/** The commands that are shown, each with the lines of its output that match. */
const shown = [
  [/^\$ koji .* call mymethod /, /./],
  [/^\$ koji .* build --wait /, /^ +(\d+ (build|buildArch) .*->|.*completed successfully)/],
  [/^\$ koji .* list-tagged quick$/, /./],
  [/^\$ chroot /, /./],
];
const [width, lineHeight, margin] = [108, 20, 20];

const lines = (await text(process.stdin)).replaceAll(`${process.cwd()}/`, '').split('\n');
const session = shown.flatMap(([command, wanted]) => {
  const at = lines.findIndex((line) => command.test(line));
  if (at < 0) throw new Error(`the quickstart has not run ${command}: was it a new folder?`);
  const after = lines.slice(at + 1);
  const end = after.findIndex((line) => !line.startsWith('    '));
  const output = after.slice(0, end < 0 ? after.length : end).filter((line) => wanted.test(line));
  return [lines[at], ...output.map((line) => line.slice(4)), ''];
});
const drawn = session.slice(0, -1).map((line, i) => {
  const kind = line.startsWith('$ ') ? 'command' : 'output';
  const y = margin + lineHeight * (i + 1) - 6;
  return `<text x="${margin}" y="${y}" class="${kind}">${escape(line.slice(0, width))}</text>`;
});
const height = 2 * margin + lineHeight * drawn.length;
process.stdout
  .write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width * 8.5 + 2 * margin} ${height}">
<style>text { font: 14px ui-monospace, monospace; white-space: pre; fill: #d0d7de } .command { fill: #7ee787 }</style>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
${drawn.join('\n')}
</svg>
`);

function escape(line) {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
