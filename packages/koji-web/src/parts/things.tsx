/** Links to things, and the tables that several pages have of them. */
import type { FC } from 'hono/jsx';
import { taskLabel } from '@koji/core/text';
import type { LabelledTask } from '@koji/core/text';
import { link } from '../routes.js';
import { None } from './values.js';

export const BuildLink: FC<{ id: number; nvr: string }> = ({ id, nvr }) => (
  <a href={link('buildinfo', { buildID: id })}>
    <bdi>{nvr}</bdi>
  </a>
);

export const TagLink: FC<{ id: number | null; name: string | null }> = ({ id, name }) =>
  id === null ? (
    <None />
  ) : (
    <a href={link('taginfo', { tagID: id })}>
      <bdi>{name ?? String(id)}</bdi>
    </a>
  );

export const UserLink: FC<{ id: number | null; name: string | null | undefined }> = ({ id, name }) =>
  id === null ? (
    <None />
  ) : (
    <a href={link('userinfo', { userID: id })}>
      <bdi>{name ?? String(id)}</bdi>
    </a>
  );

export const PackageLink: FC<{ id: number; name: string }> = ({ id, name }) => (
  <a href={link('packageinfo', { packageID: id })}>
    <bdi>{name}</bdi>
  </a>
);

export const HostLink: FC<{ id: number | null; name: string | null | undefined }> = ({ id, name }) =>
  id === null ? (
    <None />
  ) : (
    <a href={link('hostinfo', { hostID: id })}>
      <bdi>{name ?? String(id)}</bdi>
    </a>
  );

export const RpmLink: FC<{ id: number; name: string }> = ({ id, name }) => (
  <a href={link('rpminfo', { rpmID: id })}>
    <bdi>{name}</bdi>
  </a>
);

const longestLabel = 160;

/** A task's label in one line; the end of a long one is left out. */
export function labelOf(task: LabelledTask | null): string {
  const label = taskLabel(task);
  return label.length > longestLabel ? `${label.slice(0, longestLabel)}…` : label;
}

export const TaskLink: FC<{ id: number; task?: LabelledTask | null; text?: string }> = ({
  id,
  task,
  text,
}) => (
  <a class="task" href={link('taskinfo', { taskID: id })}>
    <bdi>{text ?? (task ? labelOf(task) : String(id))}</bdi>
  </a>
);
