// Logs with line numbers, search, colours of terminals and new lines as they come. Of a large log the last 4 MiB are shown.
const box = document.querySelector('.log');
const most = 4 << 20;
const pre = box.querySelector('pre');
const { file, status, name, volume } = box.dataset;
let at = Math.max(Number(box.dataset.size) - most, 0);
let number = 0;
let rest = '';
const decoder = new TextDecoder();
const colours = { 31: 'bad', 32: 'good', 33: 'waiting', 34: 'busy', 35: 'busy', 36: 'busy', 1: 'strong' };

pre.replaceChildren();
pre.classList.add('lines');

function lineOf(text) {
  number++;
  const line = document.createElement('span');
  line.className = 'line';
  line.id = `L${number}`;
  const mark = document.createElement('a');
  mark.href = `#L${number}`;
  mark.textContent = String(number);
  line.append(mark);
  let tone = '';
  for (const part of text.split(/(\u001b\[[0-9;]*[A-Za-z])/)) {
    const code = /^\u001b\[([0-9;]*)m$/.exec(part);
    if (code) tone = colours[code[1].split(';').at(-1)] ?? '';
    else if (!part.startsWith('\u001b[') && part !== '') {
      const piece = document.createElement('span');
      if (tone) piece.className = `tone-${tone}`;
      piece.textContent = part;
      line.append(piece);
    }
  }
  line.append('\n');
  return line;
}

function add(text) {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  const isAtEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 40;
  const shown = document.createDocumentFragment();
  for (const line of lines) shown.append(lineOf(line));
  pre.append(shown);
  if (isAtEnd && box.dataset.active && !location.hash) window.scrollTo(0, document.body.scrollHeight);
}

async function fetchNew() {
  const answer = await fetch(`${file}&offset=${at}`);
  if (!answer.ok) return;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  at += bytes.length;
  add(decoder.decode(bytes, { stream: true }));
}

const tools = document.createElement('form');
tools.className = 'filters';
tools.innerHTML = '<label><span>Find</span><input name="find" type="search"></label><output></output>';
box.prepend(tools);
tools.addEventListener('submit', (event) => {
  event.preventDefault();
  const wanted = tools.find.value.toLowerCase();
  pre.querySelectorAll('.found').forEach((line) => line.classList.remove('found'));
  if (!wanted) return;
  const found = [...pre.children].filter((line) => line.textContent.toLowerCase().includes(wanted));
  found.forEach((line) => line.classList.add('found'));
  const below = found.find((line) => line.getBoundingClientRect().top > 80) ?? found[0];
  below?.scrollIntoView({ block: 'center' });
  tools.querySelector('output').textContent = `${found.length} lines`;
});

await fetchNew();
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: 'center' });
while (box.dataset.active) {
  await new Promise((resolve) => setTimeout(resolve, 2000));
  if (document.hidden) continue;
  try {
    const lines = (await (await fetch(status)).text()).split('\n');
    const state = Number(lines[0]?.split(':')[1]);
    const size = Number(
      lines
        .find((line) => line.startsWith(`${volume}:${name}:`))
        ?.split(':')
        .at(-1) ?? 0,
    );
    if (size > at) await fetchNew();
    if (![0, 1, 4].includes(state)) break;
  } catch {
    // The hub is away for a moment.
  }
}
if (rest) add('\n');
