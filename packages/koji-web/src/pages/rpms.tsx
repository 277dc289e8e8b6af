import { BUILD_STATES, DEP_TYPES, RPMSENSE } from '@koji/core';
import type {
  ArchiveFile,
  ArchiveInfo,
  BuildrootInfo,
  RpmDependency,
  RpmFile,
  RpmListItem,
} from '@koji/core/api';
import { named } from '@koji/core/wire';
import { PageError, found } from '../errors.js';
import { archiveUrl, rpmUrl } from '../files.js';
import { listPart, orNull, partOf } from '../lists.js';
import { page } from '../page.js';
import type { View } from '../page.js';
import { BuildrootStateChip } from '../parts/states.js';
import { Facts, Section, Table } from '../parts/table.js';
import type { Listed } from '../parts/table.js';
import { BuildLink, RpmLink } from '../parts/things.js';
import { External, Json, Size, Time } from '../parts/values.js';
import { link } from '../routes.js';
import { Download } from './build-details.js';
import { rootName } from './tasks.js';

/** A dependency as spec files have it: `bash >= 5`. */
export function dependencyText({ name, version, flags }: RpmDependency): string {
  const sign = `${flags & RPMSENSE.LESS ? '<' : ''}${flags & RPMSENSE.GREATER ? '>' : ''}${flags & RPMSENSE.EQUAL ? '=' : ''}`;
  return version === '' || sign === '' ? name : `${name} ${sign} ${version}`;
}

const dependencyTitles = Object.entries(DEP_TYPES).map(
  ([name, type]) => [`${name.charAt(0)}${name.slice(1).toLowerCase()}s`, type] as const,
);

/** Most dependencies of a kind that a page shows. */
const mostDependencies = 250;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** An rpm with its headers, dependencies and files. */
export const rpminfo = page('rpminfo', {
  async load({ calls, params }) {
    const rpm = found(await calls.getRPM(params.rpmID), 'rpm', params.rpmID);
    const isExternal = rpm.external_repo_id !== 0;
    const fields = ['summary', 'description', 'license', 'disturl', 'vcs'];
    const [build, headers, dependencies, files, users] = await Promise.all([
      rpm.build_id === null ? null : calls.getBuild(rpm.build_id),
      isExternal ? null : orNull(calls.getRPMHeaders(named({ rpmID: rpm.id, headers: fields }))),
      isExternal ? [] : orNull(calls.getRPMDeps(rpm.id)).then((all) => all ?? []),
      isExternal ? [] : orNull(calls.listRPMFiles(rpm.id)).then((all) => all ?? []),
      listPart<BuildrootInfo>({ start: params.buildrootStart, order: params.buildrootOrder }, (queryOpts) =>
        calls.listBuildroots(named({ rpmID: rpm.id, queryOpts })),
      ),
    ]);
    return {
      rpm,
      build,
      headers: headers ?? {},
      dependencies,
      files: partOf<RpmFile>(files, { start: params.fileStart, order: params.fileOrder }),
      buildroots: users,
    };
  },
  title: ({ rpm }) => `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`,
  show: ({ rpm, build, headers, dependencies, files, buildroots }, view) => (
    <>
      <header class="thing">
        <p class="kind">RPM {rpm.id}</p>
        <h1>
          <bdi>{`${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`}</bdi>
        </h1>
        {build ? (
          <Download
            url={
              rpm.metadata_only || build.state === BUILD_STATES.DELETED ? null : rpmUrl(view.site, build, rpm)
            }
            why={rpm.metadata_only ? 'metadata only' : 'deleted'}
          />
        ) : null}
      </header>
      <p class="lead">{textOf(headers['summary'])}</p>
      <Facts
        facts={[
          { name: 'Build', value: build ? <BuildLink id={build.id} nvr={build.nvr} /> : null },
          { name: 'Epoch', value: String(rpm.epoch), show: rpm.epoch !== null },
          { name: 'Built', value: <Time at={rpm.buildtime} now={view.now} /> },
          { name: 'Size', value: <Size bytes={rpm.size} /> },
          { name: 'SIGMD5', value: <code>{rpm.payloadhash}</code> },
          { name: 'License', value: textOf(headers['license']) },
          {
            name: 'VCS',
            value: <External url={textOf(headers['vcs'])} />,
            show: textOf(headers['vcs']) !== '',
          },
          {
            name: 'DistURL',
            value: <External url={textOf(headers['disturl'])} />,
            show: textOf(headers['disturl']) !== '',
          },
          {
            name: 'External repository',
            value: <bdi>{rpm.external_repo_name}</bdi>,
            show: rpm.external_repo_id !== 0,
          },
          {
            name: 'Buildroot',
            value: (
              <a href={link('buildrootinfo', { buildrootID: rpm.buildroot_id ?? 0 })}>{rpm.buildroot_id}</a>
            ),
            show: rpm.buildroot_id !== null,
          },
          { name: 'Extra', value: <Json value={rpm.extra} />, show: rpm.extra !== null },
        ]}
      />
      <div class="columns">
        {dependencyTitles.map(([title, type]) => {
          const own = dependencies.filter((one) => one.type === type);
          return own.length === 0 ? null : (
            <Section title={title} note={own.length}>
              <ul class="plain">
                {own.slice(0, mostDependencies).map((one) => (
                  <li>
                    <bdi>{dependencyText(one)}</bdi>
                  </li>
                ))}
              </ul>
            </Section>
          );
        })}
      </div>
      <Files view={view} files={files} of={{ rpmID: rpm.id }} />
      <UsedIn view={view} buildroots={buildroots} />
    </>
  ),
});

interface FilesProps {
  readonly view: View;
  readonly files: Listed<RpmFile | ArchiveFile>;
  readonly of: { readonly rpmID?: number; readonly archiveID?: number };
}

const Files = ({ view, files, of }: FilesProps) => (
  <Section title="Files" note={files.total}>
    <Table
      view={view}
      list={files}
      things="files"
      anchor="filelist"
      names={{ start: 'fileStart', order: 'fileOrder' }}
      columns={[
        {
          title: 'Name',
          order: 'name',
          cell: ({ name }: RpmFile | ArchiveFile) => (
            <a href={link('fileinfo', { filename: name, ...of })}>
              <bdi>{name}</bdi>
            </a>
          ),
        },
        { title: 'Size', order: 'size', numeric: true, cell: ({ size }) => <Size bytes={size} /> },
      ]}
      empty="No files are known."
    />
  </Section>
);

const UsedIn = ({ view, buildroots }: { view: View; buildroots: Listed<BuildrootInfo> }) => (
  <Section title="Component of" note={`${buildroots.total} buildroots`}>
    <Table
      view={view}
      list={buildroots}
      things="buildroots"
      anchor="buildrootlist"
      names={{ start: 'buildrootStart', order: 'buildrootOrder' }}
      columns={[
        {
          title: 'Buildroot',
          order: 'id',
          cell: (root: BuildrootInfo) => (
            <a href={link('buildrootinfo', { buildrootID: root.id })}>{rootName(root)}</a>
          ),
        },
        { title: 'Created', wide: true, cell: ({ create_ts: at }) => <Time at={at} /> },
        {
          title: 'State',
          cell: ({ state }) => (state === null ? null : <BuildrootStateChip state={state} />),
        },
      ]}
      empty="No buildroot had it."
    />
  </Section>
);

/** An archive with its files. */
export const archiveinfo = page('archiveinfo', {
  async load({ calls, params }) {
    const archive = found(await calls.getArchive(params.archiveID), 'archive', params.archiveID);
    const [build, files, users] = await Promise.all([
      calls.getBuild(archive.build_id),
      orNull(calls.listArchiveFiles(archive.id)).then((all) => all ?? []),
      listPart<BuildrootInfo>({ start: params.buildrootStart, order: params.buildrootOrder }, (queryOpts) =>
        calls.listBuildroots(named({ archiveID: archive.id, queryOpts })),
      ),
    ]);
    return {
      archive,
      build,
      files: partOf<ArchiveFile>(files, { start: params.fileStart, order: params.fileOrder }),
      buildroots: users,
    };
  },
  title: ({ archive }) => archive.filename,
  show: ({ archive, build, files, buildroots }, view) => (
    <>
      <header class="thing">
        <p class="kind">Archive {archive.id}</p>
        <h1>
          <bdi>{archive.filename}</bdi>
        </h1>
        {build ? (
          <Download
            url={
              archive.metadata_only || build.state === BUILD_STATES.DELETED
                ? null
                : archiveUrl(view.site, build, archive)
            }
            why={archive.metadata_only ? 'metadata only' : 'deleted'}
          />
        ) : null}
      </header>
      <Facts
        facts={[
          { name: 'Build', value: build ? <BuildLink id={build.id} nvr={build.nvr} /> : null },
          { name: 'Type', value: `${archive.type_name} (${archive.type_description})` },
          { name: 'Size', value: <Size bytes={archive.size} /> },
          { name: 'Checksum', value: <code>{archive.checksum}</code> },
          { name: 'Arch', value: archive.arch ?? null },
          {
            name: 'Buildroot',
            value: (
              <a href={link('buildrootinfo', { buildrootID: archive.buildroot_id ?? 0 })}>
                {archive.buildroot_id}
              </a>
            ),
            show: archive.buildroot_id !== null,
          },
          {
            name: 'Contents',
            value: (
              <>
                <a href={link('rpmlist', { imageID: archive.id, type: 'image' })}>rpms</a>{' '}
                <a href={link('archivelist', { imageID: archive.id, type: 'image' })}>archives</a>
              </>
            ),
            show: archive.btype === 'image',
          },
          { name: 'Extra', value: <Json value={archive.extra} />, show: archive.extra !== null },
        ]}
      />
      <Files view={view} files={files} of={{ archiveID: archive.id }} />
      <UsedIn view={view} buildroots={buildroots} />
    </>
  ),
});

/** A file in an rpm or archive. */
export const fileinfo = page('fileinfo', {
  async load({ calls, params: { filename, rpmID, archiveID } }) {
    if (rpmID === null && archiveID === null) throw new PageError(400, 'fileinfo needs rpmID or archiveID.');
    const rpm = rpmID === null ? null : found(await calls.getRPM(rpmID), 'rpm', rpmID);
    const archive =
      rpm || archiveID === null ? null : found(await calls.getArchive(archiveID), 'archive', archiveID);
    const file = (
      rpm ? await calls.getRPMFile(rpm.id, filename) : await calls.getArchiveFile(archive?.id ?? 0, filename)
    ) as Partial<RpmFile> | null;
    return { rpm, archive, file: found(file?.name === undefined ? null : file, 'file', filename) };
  },
  title: ({ file }) => file.name ?? '',
  show: ({ rpm, archive, file }) => (
    <>
      <header class="thing">
        <p class="kind">File</p>
        <h1>
          <bdi>{file.name}</bdi>
        </h1>
      </header>
      <Facts
        facts={[
          {
            name: 'RPM',
            value: rpm ? (
              <RpmLink id={rpm.id} name={`${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`} />
            ) : null,
          },
          {
            name: 'Archive',
            value: archive ? (
              <a href={link('archiveinfo', { archiveID: archive.id })}>
                <bdi>{archive.filename}</bdi>
              </a>
            ) : null,
          },
          {
            name: `Digest (${file.digest_algo ?? ''})`,
            value: <code>{file.digest}</code>,
            show: Boolean(file.digest),
          },
          { name: 'Size', value: <Size bytes={file.size} /> },
          { name: 'Modified', value: <Time at={file.mtime} /> },
          { name: 'User', value: <bdi>{file.user}</bdi>, show: file.user !== undefined },
          { name: 'Group', value: <bdi>{file.group}</bdi>, show: file.group !== undefined },
          { name: 'Mode', value: file.mode === undefined ? null : modeText(file.mode) },
        ]}
      />
    </>
  ),
});

/** A mode as ls writes it: `-rw-r--r--`. */
function modeText(mode: number): string {
  const kinds: Readonly<Record<number, string>> = {
    0o040000: 'd',
    0o120000: 'l',
    0o020000: 'c',
    0o060000: 'b',
    0o010000: 'p',
    0o140000: 's',
  };
  const bits = Array.from('rwxrwxrwx').map((letter, i) => (mode & (0o400 >> i) ? letter : '-'));
  return `${kinds[mode & 0o170000] ?? '-'}${bits.join('')}`;
}

/** The selected list of a buildroot or image. */
function placeOf({
  type,
  buildrootID,
  imageID,
}: {
  type: string;
  buildrootID: number | null;
  imageID: number | null;
}) {
  if (type === 'image') {
    if (imageID === null) throw new PageError(400, 'type = image needs imageID.');
    return { imageID };
  }
  if (buildrootID === null) throw new PageError(400, `type = ${type} needs buildrootID.`);
  return type === 'component' ? { componentBuildrootID: buildrootID } : { buildrootID };
}

/** The rpms of a buildroot or image. */
export const rpmlist = page('rpmlist', {
  load: async ({ calls, params }) => {
    const place = placeOf(params);
    return {
      rpms: await listPart<RpmListItem>(params, (queryOpts) =>
        calls.listRPMs(named({ ...place, queryOpts })),
      ),
    };
  },
  title: () => 'RPMs',
  show: ({ rpms }, view) => (
    <>
      <h1>
        RPMs <Place view={view.params} />
      </h1>
      <Table
        view={view}
        list={rpms}
        things="rpms"
        columns={[
          {
            title: 'NVR',
            order: 'nvr',
            cell: ({ id, nvr, arch }) => <RpmLink id={id} name={`${nvr}.${arch}`} />,
          },
          { title: 'Origin', wide: true, cell: (rpm) => <bdi>{rpm.external_repo_name}</bdi> },
          { title: 'Update', wide: true, cell: (rpm) => (rpm.is_update ? 'yes' : '') },
        ]}
      />
    </>
  ),
});

const Place = ({
  view: { type, buildrootID, imageID },
}: {
  view: { type: string; buildrootID: number | null; imageID: number | null };
}) =>
  imageID === null ? (
    <>
      {type === 'built' ? 'built in' : 'in'}{' '}
      <a href={link('buildrootinfo', { buildrootID })}>buildroot {buildrootID}</a>
    </>
  ) : (
    <>
      of <a href={link('archiveinfo', { archiveID: imageID })}>image {imageID}</a>
    </>
  );

/** The archives of a buildroot or image. */
export const archivelist = page('archivelist', {
  load: async ({ calls, params }) => {
    const place = placeOf(params);
    return {
      archives: await listPart<ArchiveInfo>(params, (queryOpts) =>
        calls.listArchives(named({ ...place, queryOpts })),
      ),
    };
  },
  title: () => 'Archives',
  show: ({ archives }, view) => (
    <>
      <h1>
        Archives <Place view={view.params} />
      </h1>
      <Table
        view={view}
        list={archives}
        things="archives"
        columns={[
          {
            title: 'File',
            order: 'filename',
            cell: ({ id, filename }) => (
              <a href={link('archiveinfo', { archiveID: id })}>
                <bdi>{filename}</bdi>
              </a>
            ),
          },
          { title: 'Type', cell: ({ type_name: type }) => type },
        ]}
      />
    </>
  ),
});
