import type { FC } from 'hono/jsx';
import { DEP_TYPES, isDebuginfo } from '@koji/core';
import type { BuildInfo, RpmListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Calls } from '../calls.js';
import { differencesOf } from '../differences.js';
import type { Differences } from '../differences.js';
import { found } from '../errors.js';
import { orNull } from '../lists.js';
import { page } from '../page.js';
import { DifferenceList } from '../parts/differences.js';
import { Empty, Filters, Rows, Section, TextFilter } from '../parts/table.js';
import { BuildLink } from '../parts/things.js';
import { Time, durationText, numberOf, sizeText } from '../parts/values.js';
import { link } from '../routes.js';
import { dependencyText } from './rpms.js';

/** Rpms of a side whose files and dependencies are compared. */
const mostRpms = 60;

interface Side {
  readonly build: BuildInfo;
  readonly rpms: readonly RpmListItem[];
}

interface Comparison {
  readonly builds: readonly [BuildInfo, BuildInfo];
  readonly packages: Differences;
  /** The architecture whose files, dependencies and buildroots are compared; null when the builds have none in common. */
  readonly arch: string | null;
  readonly arches: readonly string[];
  readonly files: Differences;
  readonly dependencies: Differences;
  readonly buildroot: Differences;
  readonly sizes: readonly [number, number];
  /** Files and dependencies of so many rpms were left out. */
  readonly left: number;
}

type Data = { readonly asked: readonly [string, string] } | Comparison;

/** Two builds beside each other: packages, sizes, files, dependencies, buildroots and times. */
export const comparebuilds = page('comparebuilds', {
  async load({ calls, params }): Promise<Data> {
    const { buildID, otherID } = params;
    if (buildID === null || otherID === null)
      return { asked: [String(buildID ?? ''), String(otherID ?? '')] };
    const [from, to] = await Promise.all([readSide(calls, buildID), readSide(calls, otherID)]);
    const arches = archesOf(from).filter((arch) => archesOf(to).includes(arch));
    const arch = arches.includes(params.arch)
      ? params.arch
      : (arches.find((one) => one !== 'src') ?? arches[0]);
    const [before, after] = await Promise.all([contentOf(calls, from, arch), contentOf(calls, to, arch)]);
    return {
      builds: [from.build, to.build],
      packages: differencesOf(sizesOf(from), sizesOf(to)),
      arch: arch ?? null,
      arches,
      files: differencesOf(before.files, after.files),
      dependencies: differencesOf(before.dependencies, after.dependencies),
      buildroot: differencesOf(before.buildroot, after.buildroot),
      sizes: [totalSize(from), totalSize(to)],
      left: before.left + after.left,
    };
  },
  title: (data) =>
    'asked' in data ? 'Compare builds' : `${data.builds[0].nvr} and ${data.builds[1].nvr} compared`,
  show: (data, view) =>
    'asked' in data ? (
      <>
        <h1>Compare two builds</h1>
        <Choose asked={data.asked} />
        <Empty>Give two builds by NVR or number, or follow “compare” on the page of a build.</Empty>
      </>
    ) : (
      <>
        <h1>
          <BuildLink id={data.builds[0].id} nvr={data.builds[0].nvr} /> and{' '}
          <BuildLink id={data.builds[1].id} nvr={data.builds[1].nvr} />
        </h1>
        <p>
          <a
            href={link('comparebuilds', {
              buildID: data.builds[1].id,
              otherID: data.builds[0].id,
              arch: view.params.arch,
            })}
            rel="nofollow"
          >
            The other way round
          </a>
        </p>
        <Summary data={data} />
        <DifferenceList
          title="Packages and their sizes"
          id="packages"
          things="packages"
          differences={data.packages}
          sides={sidesOf(data)}
          shown={(size) => sizeText(Number(size))}
        />
        {data.arch === null ? (
          <Empty>
            The builds have no architecture in common, so files and dependencies can't be compared.
          </Empty>
        ) : (
          <>
            <Filters
              view={view}
              filters={[
                {
                  name: 'arch',
                  label: 'Architecture',
                  value: data.arch,
                  options: data.arches.map((one) => [one, one] as const),
                },
              ]}
            />
            {data.left > 0 ? (
              <p class="note">Files and dependencies of {data.left} further rpms are left out.</p>
            ) : null}
            {parts.map(({ id, title, things, shown }) => (
              <DifferenceList
                title={title}
                id={id}
                things={things}
                differences={data[id]}
                sides={sidesOf(data)}
                {...(shown ? { shown } : {})}
              />
            ))}
          </>
        )}
      </>
    ),
});

/** Comparisons of one architecture. */
const parts: readonly {
  readonly id: 'dependencies' | 'files' | 'buildroot';
  readonly title: string;
  readonly things: string;
  readonly shown?: (value: string) => string;
}[] = [
  { id: 'dependencies', title: 'Dependencies', things: 'dependencies' },
  { id: 'files', title: 'Files', things: 'files', shown: (value) => fileText(value) },
  { id: 'buildroot', title: 'Buildroot', things: 'rpms in the buildroots' },
];

/** Headings of the two sides: what is not the same of both names. */
function sidesOf({ builds: [from, to] }: Comparison): [string, string] {
  const short = ({ version, release }: BuildInfo): string => `${version}-${release}`;
  return from.name === to.name && short(from) !== short(to) ? [short(from), short(to)] : [from.nvr, to.nvr];
}

const Choose: FC<{ asked: readonly [string, string] }> = ({ asked }) => (
  <form class="filters" method="get" action="comparebuilds">
    <TextFilter name="buildID" label="Build" value={asked[0]} required />
    <TextFilter name="otherID" label="Other build" value={asked[1]} required />
    <button type="submit">Compare</button>
  </form>
);

const Summary: FC<{ data: Comparison }> = ({ data }) => {
  const sides = data.builds.map((build, i) => ({ build, size: data.sizes[i] ?? 0 }));
  const took = ({ start_ts: start, creation_ts: made, completion_ts: end }: BuildInfo): string =>
    end === null ? '–' : durationText((numberOf(end) ?? 0) - (numberOf(start) ?? numberOf(made) ?? 0));
  return (
    <Section title="Summary">
      <Rows
        label="the builds"
        rows={sides}
        columns={[
          { title: 'Build', cell: ({ build }) => <BuildLink id={build.id} nvr={build.nvr} /> },
          { title: 'Completed', cell: ({ build }) => <Time at={build.completion_ts} /> },
          { title: 'Took', numeric: true, cell: ({ build }) => took(build) },
          { title: 'Size of all rpms', numeric: true, cell: ({ size }) => sizeText(size) },
        ]}
      />
    </Section>
  );
};

/** A file's value: size, then what else tells files apart. */
function fileText(value: string): string {
  return sizeText(Number(value.split(' ')[0]));
}

async function readSide(calls: Calls, wanted: string | number): Promise<Side> {
  const build = found(await calls.getBuild(wanted), 'build', wanted);
  return { build, rpms: await calls.listBuildRPMs(build.id) };
}

const archesOf = ({ rpms }: Side): string[] => [...new Set(rpms.map(({ arch }) => arch))].sort();
const sizesOf = ({ rpms }: Side): Map<string, string> =>
  new Map(rpms.map(({ name, arch, size }) => [`${name}.${arch}`, String(numberOf(size) ?? 0)]));
const totalSize = ({ rpms }: Side): number => rpms.reduce((sum, { size }) => sum + (numberOf(size) ?? 0), 0);

interface Content {
  readonly files: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlyMap<string, string>;
  readonly buildroot: ReadonlyMap<string, string>;
  readonly left: number;
}

const kindOfDependency = new Map<number, string>(
  Object.entries(DEP_TYPES).map(([name, type]) => [type, `${name.toLowerCase()}s`]),
);

/** The contents of an architecture's rpms, without debuginfo, which always differs. */
async function contentOf(calls: Calls, { rpms }: Side, arch: string | undefined): Promise<Content> {
  const own = rpms.filter((rpm) => rpm.arch === arch && !isDebuginfo(rpm.name));
  const files = new Map<string, string>();
  const dependencies = new Map<string, string>();
  for (const rpm of own.slice(0, mostRpms)) {
    for (const file of (await orNull(calls.listRPMFiles(rpm.id))) ?? [])
      files.set(file.name, `${file.size} ${file.digest} ${file.mode} ${file.user}:${file.group}`);
    for (const one of (await orNull(calls.getRPMDeps(rpm.id))) ?? []) {
      // Its version and the rpm's own name are the values that differ, so that an update is one line.
      const name = `${rpm.name} ${kindOfDependency.get(one.type) ?? 'has'} ${one.name}`;
      const value = dependencyText(one);
      const before = dependencies.get(name);
      dependencies.set(name, before === undefined ? value : `${before}, ${value}`);
    }
  }
  const buildroot = own.find(({ buildroot_id: id }) => id !== null)?.buildroot_id ?? null;
  const used = buildroot === null ? [] : await calls.listRPMs(named({ componentBuildrootID: buildroot }));
  return {
    files,
    dependencies,
    buildroot: new Map(used.map((one) => [`${one.name}.${one.arch}`, `${one.version}-${one.release}`])),
    left: Math.max(own.length - mostRpms, 0),
  };
}
