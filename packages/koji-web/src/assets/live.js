// News of what a page shows, by one connection; without one the page is looked at now and then.
const pause = 10_000;

/** Calls `changed` when a subject changes, and `ready` once it is watched; the answer ends it. */
export function watch(subject, changed, ready = () => {}) {
  const events = new EventSource(`events?of=${encodeURIComponent(subject)}`);
  let timer = 0;
  events.addEventListener('change', () => {
    if (!document.hidden) changed();
  });
  events.addEventListener('ready', () => ready());
  // Changes while the page was hidden.
  const onShown = () => {
    if (!document.hidden) changed();
  };
  document.addEventListener('visibilitychange', onShown);
  events.addEventListener('open', () => {
    clearInterval(timer);
    timer = 0;
  });
  events.addEventListener('error', () => {
    timer ||= setInterval(changed, pause);
  });
  return () => {
    events.close();
    clearInterval(timer);
    document.removeEventListener('visibilitychange', onShown);
  };
}
