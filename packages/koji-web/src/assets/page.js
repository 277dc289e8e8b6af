import { watch } from './live.js';

// Small comforts on every page; all of it works without them.

// "/" focuses the search field.
const field = document.querySelector('form.search input[type=search]');
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest?.('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey || !field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

// Local times on hover.
document.addEventListener('mouseover', (event) => {
  const time = event.target.closest?.('time[datetime]');
  if (!time || time.dataset.local) return;
  time.dataset.local = 'yes';
  const local = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' });
  time.title = `${local}\n${time.title}`;
});

// Choosing is enough; the buttons are for those without scripts.
for (const form of document.querySelectorAll('form.pageJump, form.filters')) {
  form.classList.add('eager');
  form.addEventListener('change', (event) => {
    if (event.target.matches('select')) form.requestSubmit();
  });
}

// Possible meanings of a search, as it is typed.
if (field) {
  const list = document.createElement('ul');
  list.id = 'suggestions';
  list.className = 'suggestions';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Suggestions');
  list.hidden = true;
  field.after(list);
  field.setAttribute('role', 'combobox');
  field.setAttribute('aria-controls', 'suggestions');
  field.setAttribute('aria-expanded', 'false');
  field.setAttribute('aria-autocomplete', 'list');
  let asked = '';
  let timer = 0;
  let current = -1;
  const close = () => {
    list.hidden = true;
    current = -1;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
  };
  const mark = (next) => {
    current = next;
    [...list.children].forEach((item, i) => item.setAttribute('aria-selected', String(i === current)));
    if (current >= 0) field.setAttribute('aria-activedescendant', `suggestion-${current}`);
    else field.removeAttribute('aria-activedescendant');
  };
  const show = (found) => {
    list.replaceChildren(
      ...found.map(({ kind, name, href }, i) => {
        const item = document.createElement('li');
        item.id = `suggestion-${i}`;
        item.setAttribute('role', 'option');
        item.dataset.href = href;
        const what = document.createElement('span');
        what.textContent = kind;
        const which = document.createElement('bdi');
        which.textContent = name;
        item.append(which, what);
        return item;
      }),
    );
    list.hidden = found.length === 0;
    field.setAttribute('aria-expanded', String(found.length > 0));
    mark(-1);
  };
  const ask = async () => {
    const terms = field.value.trim();
    asked = terms;
    if (terms.length < 2) return close();
    try {
      const answer = await fetch(`suggest.json?terms=${encodeURIComponent(terms)}`);
      const { found } = await answer.json();
      if (asked === terms && document.activeElement === field) show(found);
    } catch {
      close();
    }
  };
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  });
  field.addEventListener('keydown', (event) => {
    const { length } = list.children;
    if (list.hidden || length === 0) return;
    if (event.key === 'ArrowDown') mark((current + 1) % length);
    else if (event.key === 'ArrowUp') mark((current - 1 + length) % length);
    else if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && current >= 0) location.href = list.children[current].dataset.href;
    else return;
    event.preventDefault();
  });
  list.addEventListener('mousedown', (event) => {
    const item = event.target.closest('li');
    if (item) location.href = item.dataset.href;
  });
  field.addEventListener('blur', () => setTimeout(close, 150));
}

// Pages about work in progress are fetched again when it has changed.
if (document.body.dataset.live) {
  const refresh = async () => {
    if (
      document.hidden ||
      document.activeElement?.closest('main') ||
      document.querySelector('main details[open]')
    )
      return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = next.querySelector('main');
      if (!fresh) return;
      const { scrollX, scrollY } = window;
      document.querySelector('main').replaceWith(document.adoptNode(fresh));
      window.scrollTo(scrollX, scrollY);
      if (!next.body.dataset.live) stop();
    } catch {
      // The hub is away for a moment.
    }
  };
  const stop = watch(document.body.dataset.live, refresh);
}
