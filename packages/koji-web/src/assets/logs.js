import { watch } from './live.js';

// Logs: more lines when the reader comes to an end of those that are shown, new ones as they are written, and permalinks.
const box = document.querySelector('.log');
const pre = box?.querySelector('pre');
// A page with more lines than that gets slow; those at the other end go.
const most = 20_000;

const addressOf = (line) => {
  const url = new URL(location.href);
  url.searchParams.delete('find');
  if (line === null) url.searchParams.delete('line');
  else url.searchParams.set('line', String(line));
  url.hash = line === null ? '' : `#L${line}`;
  return url;
};
const numberOf = (line) => Number(line?.id.slice(1) ?? 0);
let total = Number(box?.dataset.total ?? 0);

/** Fetches the lines around a line: the page itself, which the server makes. */
async function fetchLines(line) {
  const answer = await fetch(addressOf(line), { headers: { Accept: 'text/html' } });
  if (!answer.ok) throw new Error(String(answer.status));
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = next.querySelector('.log');
  total = Math.max(Number(fresh?.dataset.total ?? 0), total);
  if (fresh && !fresh.dataset.live) delete box.dataset.live;
  return [...(fresh?.querySelectorAll('.line') ?? [])].map((one) => document.adoptNode(one));
}

/** Says which lines are on the page now. */
function showRange() {
  const text = `Lines ${numberOf(pre.firstElementChild)} through ${numberOf(pre.lastElementChild)} of ${total}`;
  box.querySelectorAll('.pager > span').forEach((one) => (one.textContent = text));
}

async function addLater() {
  const last = numberOf(pre.lastElementChild);
  const fresh = await fetchLines(last + 20);
  const before = pre.lastElementChild;
  for (const line of fresh) {
    // The last line may have been written in part.
    if (numberOf(line) === last) before.replaceWith(line);
    else if (numberOf(line) > last) pre.append(line);
  }
  while (pre.childElementCount > most) pre.firstElementChild.remove();
  showRange();
}

async function addEarlier() {
  const first = numberOf(pre.firstElementChild);
  const fresh = (await fetchLines(Math.max(first - 270, 1))).filter((line) => numberOf(line) < first);
  const { scrollHeight } = document.documentElement;
  pre.prepend(...fresh);
  window.scrollBy(0, document.documentElement.scrollHeight - scrollHeight);
  while (pre.childElementCount > most) pre.lastElementChild.remove();
  showRange();
}

/** Marks the end of the lines on the page if the log continues in this direction. */
const hasLater = () => numberOf(pre.lastElementChild) < total;
const hasEarlier = () => numberOf(pre.firstElementChild) > 1;

let busy = false;
async function onScroll() {
  if (busy) return;
  const { scrollHeight } = document.documentElement;
  const isNearEnd = window.innerHeight + window.scrollY > scrollHeight - 800;
  const isNearStart = window.scrollY < 400;
  const add = isNearEnd && hasLater() ? addLater : isNearStart && hasEarlier() && moved ? addEarlier : null;
  if (!add) return;
  busy = true;
  try {
    await add();
  } catch {
    // The hub is away for a moment, or asks for patience.
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  busy = false;
}

// A page searches a part of a large log; the next one continues where it ended.
const goOn = document.querySelector('.go-on');
if (goOn) location.replace(goOn.href);

// The first scroll is the browser's, to the line of the address.
let moved = false;
if (pre) {
  addEventListener('scroll', onScroll, { passive: true });
  for (const name of ['wheel', 'keydown', 'touchmove', 'pointerdown'])
    addEventListener(name, () => (moved = true), { passive: true, once: true });
  // A number's address works in a window of other lines, too.
  pre.addEventListener('click', (event) => {
    const line = event.target.closest?.('.line > a')?.parentElement;
    if (!line) return;
    event.preventDefault();
    pre.querySelectorAll('.found').forEach((one) => one.classList.remove('found'));
    line.classList.add('found');
    history.replaceState(null, '', addressOf(numberOf(line)));
  });
  const hash = /^#L(\d+)$/.exec(location.hash);
  const wanted = hash && document.getElementById(`L${hash[1]}`);
  if (wanted) wanted.scrollIntoView({ block: 'center' });
  else if (hash && Number(hash[1]) <= total) location.replace(addressOf(Number(hash[1])));
  else if (!new URL(location.href).searchParams.has('line')) window.scrollTo(0, document.body.scrollHeight);
  document.querySelector('.line.found')?.scrollIntoView({ block: 'center' });
  follow();
}

/** Adds what is written while the end of the log is on the page. */
function follow() {
  if (!box.dataset.live) return;
  const look = async () => {
    if (!box.dataset.live) return stop();
    if (document.hidden || busy || hasLater()) return;
    const isAtEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 40;
    busy = true;
    try {
      await addLater();
      if (isAtEnd) window.scrollTo(0, document.body.scrollHeight);
    } catch {
      // The hub is away for a moment.
    }
    busy = false;
  };
  // Nothing announces the lines written between the creation of the page and now.
  const stop = watch(box.dataset.live, look, look);
}
