// The results as tables.
import { figure, tableOf } from '../shared/report.mjs';
import { cgBuilds, freeTasks, hosts, rpms } from './work.mjs';

const times = (one) => (one ? `${figure(one.p50)} / ${figure(one.p99)}` : '');
const ratio = (a, b) => (a === undefined || !b ? '' : figure(a / b));

/** Every table of one run, in Markdown. */
export function tables({ measured, work, peer, how, machine }) {
  const rows = Object.entries(measured);
  const koji = peer ? (peer.version ? `Koji ${peer.version}` : 'peer') : null;
  const withPeer = (...cells) => (koji ? cells : []);
  const rates = tableOf(
    [
      'call',
      ...withPeer(koji),
      'PostgreSQL',
      ...withPeer('÷ Koji'),
      'of bare',
      'SQLite',
      ...withPeer('÷ Koji'),
      'of bare',
      'bare',
    ],
    rows.map(([name, { postgres, sqlite, peer: theirs, bare }]) => [
      name,
      ...withPeer(figure(theirs?.rate)),
      figure(postgres.rate),
      ...withPeer(ratio(postgres.rate, theirs?.rate)),
      ratio(postgres.rate, bare.rate),
      figure(sqlite.rate),
      ...withPeer(ratio(sqlite.rate, theirs?.rate)),
      ratio(sqlite.rate, bare.rate),
      figure(bare.rate),
    ]),
  );
  const waits = tableOf(
    ['call', ...withPeer(koji), 'PostgreSQL', 'SQLite', 'bare'],
    rows.map(([name, { postgres, sqlite, peer: theirs, bare }]) => [
      name,
      ...withPeer(times(theirs)),
      times(postgres),
      times(sqlite),
      times(bare),
    ]),
  );
  const isCounted = rows.some(([, { peer: theirs }]) => theirs?.cpu);
  const processor = tableOf(
    [
      'call',
      ...(isCounted ? [koji] : []),
      'PostgreSQL',
      ...(isCounted ? ['Koji ÷ it'] : []),
      'SQLite',
      ...(isCounted ? ['Koji ÷ it'] : []),
    ],
    rows.map(([name, { postgres, sqlite, peer: theirs }]) => [
      name,
      ...(isCounted ? [figure(theirs.cpu)] : []),
      figure(postgres.cpu),
      ...(isCounted ? [ratio(theirs.cpu, postgres.cpu)] : []),
      figure(sqlite.cpu),
      ...(isCounted ? [ratio(theirs.cpu, sqlite.cpu)] : []),
    ]),
  );
  return [
    `Measured on ${machine}${koji ? `; ${koji}` : ''}. Each figure is the median of ${how.rounds} rounds of ${how.seconds} s.`,
    'Calls a second:',
    rates,
    'How long a call takes, in milliseconds, median / 99th percentile:',
    waits,
    'Processor time of a call, hub and database together, in milliseconds:',
    processor,
    ...(Object.keys(work).length > 0 ? ['Work that is done once:', workTable(work, koji)] : []),
  ].join('\n\n');
}

function workTable(work, koji) {
  const kinds = [...(work.peer ? [['peer', koji]] : []), ['postgres', 'PostgreSQL'], ['sqlite', 'SQLite']];
  const row = (name, cell) => [name, ...kinds.map(([kind]) => cell(work[kind]))];
  return tableOf(
    ['work', ...kinds.map(([, title]) => title)],
    [
      row(`importRPM, ${rpms} rpms of one build: a second`, (one) => figure(one.importRPM?.rate)),
      row('processor time of one, ms', (one) => figure(one.importRPM?.cpu)),
      row(`CGImport, ${cgBuilds} builds: a second`, (one) => figure(one['CGImport of a build'].rate)),
      row('processor time of one, ms', (one) => figure(one['CGImport of a build'].cpu)),
      row(
        `One pass of the scheduler, ${freeTasks.toLocaleString('en')} free tasks, ${hosts.toLocaleString('en')} hosts: ms`,
        (one) => figure(one.scheduler.p50),
      ),
      row('processor time of it, ms', (one) => figure(one.scheduler.cpu)),
      row('Memory of the hub after all of it, MB', (one) => figure(one.memory)),
    ],
  );
}
