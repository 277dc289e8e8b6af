// Plugins that do what none should, each with what sets it off and how the log names it.

const sdk = '@koji/plugin-sdk';

/** By kind: the plugin's code, what is called (nothing: it happens at the start), and the line of the log that names it. */
export const gallery = {
  loop: {
    what: '`while (true)` in a method',
    code: `import { exported } from '${sdk}';
export const offend = exported(() => { for (;;); });`,
    named: /stands in method offend of plugin bad; another process/,
  },
  'isolated loop': {
    what: 'the same, with `"isolation": "worker"`',
    code: `import { exported } from '${sdk}';
export const offend = exported(() => { for (;;); });`,
    isolated: true,
    named: /plugin bad: its thread ended while method offend ran: it let nothing else run for 2 s/,
  },
  exit: {
    what: '`process.exit()` in a method',
    code: `import { exported } from '${sdk}';
export const offend = exported(() => process.exit(1));`,
    named: /process\.exit\(\) in method offend of plugin bad/,
  },
  leak: {
    what: 'each call keeps 10 MB, until memory runs out',
    code: `import { exported } from '${sdk}';
const kept = [];
export const offend = exported(() => { for (let i = 0; i < 60000; i++) kept.push({ text: 'x' + i, more: [i] }); });`,
    named: /memory runs out, .*: plugin bad holds most of .* by .*bad\.mjs:3\)/,
    // With a heap of 120 MB, so that it takes seconds and not an hour.
    calls: 100,
    memory: 120,
  },
  unhandled: {
    what: 'a rejected promise without a handler, and a timer that throws',
    code: `import { exported } from '${sdk}';
export const offend = exported(() => {
  Promise.reject(new Error('unheard'));
  setTimeout(() => { throw new Error('stray'); }, 5);
});`,
    named:
      /an error outside of any call, (in method offend )?of plugin bad[^]*unheard[^]*an error outside of any call, (in method offend )?of plugin bad[^]*stray/,
  },
  patched: {
    what: '`Array.prototype.map` replaced while it loads, `JSON.parse` in a call',
    code: `import { exported } from '${sdk}';
const { map } = Array.prototype;
Array.prototype.map = function (...args) { return map.apply(this, args); };
export const offend = exported(() => { const { parse } = JSON; JSON.parse = (text) => parse(text); });`,
    named: /plugin bad replaces Array\.prototype\.map[^]*plugin bad replaced JSON\.parse by .*bad\.mjs:4/,
  },
  flood: {
    what: '20,000 log lines in one call',
    code: `import { context, exported } from '${sdk}';
export const offend = exported(() => { for (let i = 0; i < 20000; i++) context.log.warn('line ' + i); });`,
    named: /koji\.plugin\.bad:? 19000 lines were left out/,
  },
  slow: {
    what: 'a method that never returns',
    code: `import { exported } from '${sdk}';
export const offend = exported(() => new Promise(() => {}));`,
    named: /offend\(\) of plugin bad did not end within 1 s/,
  },
  'throw at load': {
    what: 'the module throws, with `PluginFailure = skip`',
    code: `throw new Error('no settings');`,
    named: /starting without it: plugin bad .*threw while loading: no settings/,
    calls: 0,
  },
  'wrong types': {
    what: 'a result that cannot be encoded',
    code: `import { exported } from '${sdk}';
export const offend = exported(() => { const answer = { fn: () => 1 }; answer.self = answer; return answer; });`,
    named: /offend: fault 1/,
  },
};
