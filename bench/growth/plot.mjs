// A plot of lines, both axes logarithmic, as SVG that can be read on light and on dark pages.
const width = 880;
const [left, right, top, bottom] = [64, 300, 46, 44];
const colours = [
  '#d1495b',
  '#2a9d8f',
  '#e08e1b',
  '#4c78d8',
  '#8e6bbf',
  '#6a9a3b',
  '#c2588f',
  '#4aa3c7',
  '#a07850',
  '#808080',
];
const dashes = ['', '6 3', '2 3'];
const rowHeight = 17;
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Moves labels apart that would lie on each other, keeping their order. */
function spread(places, least, most) {
  const sorted = places.toSorted((a, b) => a.y - b.y);
  let last = -Infinity;
  for (const place of sorted) last = place.y = Math.max(place.y, last + rowHeight);
  let next = most;
  for (const place of sorted.toReversed()) next = (place.y = Math.min(place.y, next)) - rowHeight;
  last = least - rowHeight;
  for (const place of sorted) last = place.y = Math.max(place.y, last + rowHeight);
}

/**
 * Draws lines.
 *
 * @param title what is drawn
 * @param xs the values of the horizontal axis, with `xName` of one
 * @param lines name → a value for each of xs
 */
export function plot({ title, xs, xName, yName, lines }) {
  const names = Object.keys(lines);
  const height = Math.max(420, top + bottom + names.length * rowHeight + 20);
  const values = Object.values(lines).flat();
  const [low, high] = [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  const x = (value) =>
    left +
    ((Math.log10(value) - Math.log10(xs[0])) / (Math.log10(xs.at(-1)) - Math.log10(xs[0]))) *
      (width - left - right);
  const y = (value) =>
    height - bottom - ((Math.log10(value) - low) / Math.max(1, high - low)) * (height - top - bottom);
  const grid = [];
  for (let power = low; power <= high; power++)
    for (const factor of power === high ? [1] : [1, 2, 5]) {
      const at = y(factor * 10 ** power);
      const text = String(Number((factor * 10 ** power).toPrecision(1)));
      grid.push(
        `<line class="grid${factor === 1 ? '' : ' fine'}" x1="${left}" x2="${width - right}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}"/>`,
        `<text x="${left - 8}" y="${(at + 4).toFixed(1)}" text-anchor="end">${text}</text>`,
      );
    }
  for (const value of xs)
    grid.push(
      `<line class="grid" x1="${x(value).toFixed(1)}" x2="${x(value).toFixed(1)}" y1="${top}" y2="${height - bottom}"/>`,
      `<text x="${x(value).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle">${escape(xName(value))}</text>`,
    );
  const labels = names.map((name) => ({ name, y: y(lines[name].at(-1)) }));
  spread(labels, top, height - bottom);
  const drawn = names.map((name, i) => {
    const style = `stroke="${colours[i % colours.length]}" stroke-dasharray="${dashes[Math.floor(i / colours.length) % dashes.length]}"`;
    const points = lines[name].map((value, at) => `${x(xs[at]).toFixed(1)},${y(value).toFixed(1)}`);
    const label = labels.find((one) => one.name === name).y;
    const [endX, endY] = [width - right, y(lines[name].at(-1))];
    return (
      `<polyline class="line" ${style} points="${points.join(' ')}"/>` +
      `<line class="lead" ${style} x1="${endX + 3}" y1="${endY.toFixed(1)}" x2="${endX + 26}" y2="${label.toFixed(1)}"/>` +
      `<text x="${endX + 32}" y="${(label + 4).toFixed(1)}">${escape(name)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.grid { stroke: #8c959f; stroke-opacity: 0.55; }
.fine { stroke-opacity: 0.2; }
.line { fill: none; stroke-width: 2; }
.lead { stroke-width: 1; stroke-opacity: 0.7; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
</style>
<text class="title" x="${left}" y="18">${escape(title)}</text>
<text x="${left}" y="36">${escape(yName)}</text>
${[...grid, ...drawn].join('\n')}
</svg>
`;
}
