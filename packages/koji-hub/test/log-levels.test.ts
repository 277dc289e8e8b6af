import { checkOptions, logLevels, makeConfig } from '../src/config.js';

const configOf = (values: Record<string, string>) => makeConfig('/etc/koji-hub', values);
const levelsOf = (values: Record<string, string>) => Object.fromEntries(logLevels(configOf(values).options));

test.each([
  [{}, { koji: 'warn' }],
  [{ LogLevel: 'INFO' }, { koji: 'info' }],
  [{ LogLevel: 'koji.db:DEBUG .xmlrpc:ERROR' }, { koji: 'warn', 'koji.db': 'debug', 'koji.xmlrpc': 'error' }],
  [{ LogLevel: 'DEBUG http:INFO CRITICAL' }, { koji: 'error', 'koji.http': 'info' }],
  [{ LogLevel: ':INFO' }, { koji: 'info' }],
  [
    { LogLevel: 'ERROR db:INFO', KojiDebug: 'yes' },
    { koji: 'debug', 'koji.db': 'info' },
  ],
])('%j are levels by logger', (values, levels) => {
  expect(levelsOf(values)).toEqual(levels);
});

test('every level that there is not is named', () => {
  const there = 'there are DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL';
  expect(checkOptions(configOf({ LogLevel: 'LOUD koji.db:a:b' }))).toEqual([
    `/etc/koji-hub/hub.conf [hub] LogLevel: Invalid log level: LOUD; ${there}`,
    `/etc/koji-hub/hub.conf [hub] LogLevel: Invalid log level: a:b; ${there}`,
  ]);
});
