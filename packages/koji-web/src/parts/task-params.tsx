/** The parameters of tasks by name, those that are things as links. */
import type { Child, FC } from 'hono/jsx';
import { GenericError, parseTaskParams } from '@koji/core';
import { link } from '../routes.js';
import { Facts } from './table.js';
import { External, Json } from './values.js';

type Struct = Readonly<Record<string, unknown>>;

function isStruct(value: unknown): value is Struct {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** Returns a task's parameters by name; by number where its method is not known or they don't fit. */
export function taskParams(method: string, request: unknown): Struct {
  if (!Array.isArray(request)) return {};
  try {
    const params = parseTaskParams(method, request);
    if (params) return params;
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
  }
  return Object.fromEntries(request.map((value, i) => [`argument ${i + 1}`, value]));
}

const targets = new Set(['target', 'build_target', 'target_info']);
const tags = new Set(['tag', 'build_tag', 'dest_tag', 'root', 'tag_info', 'tag_id', 'fromtag']);
const texts = new Set(['src', 'url', 'source_url', 'ksfile', 'inst_tree']);

/** A name that is a link to a page which takes names and ids. */
function thing(page: 'taginfo' | 'buildtargetinfo', value: unknown): Child | null {
  const given = isStruct(value) ? (value['id'] ?? value['name']) : value;
  const shown = isStruct(value) ? (value['name'] ?? value['id']) : value;
  if ((typeof given !== 'string' && typeof given !== 'number') || given === '') return null;
  const href =
    page === 'taginfo'
      ? link(page, { tagID: given })
      : link(page, typeof given === 'number' ? { targetID: given } : { name: given });
  return (
    <a href={href}>
      <bdi>{String(shown)}</bdi>
    </a>
  );
}

function buildLink(value: Struct): Child | null {
  const id = value['build_id'] ?? value['id'];
  const nvr =
    typeof value['nvr'] === 'string'
      ? value['nvr']
      : ['name', 'version', 'release'].map((key) => String(value[key])).join('-');
  return typeof id === 'number' ? (
    <a href={link('buildinfo', { buildID: id })}>
      <bdi>{nvr}</bdi>
    </a>
  ) : null;
}

function shownAs(name: string, value: unknown): Child {
  if (value === null || value === undefined) return null;
  const asThing = targets.has(name)
    ? thing('buildtargetinfo', value)
    : tags.has(name)
      ? thing('taginfo', value)
      : name === 'build' && isStruct(value)
        ? buildLink(value)
        : null;
  if (asThing !== null) return asThing;
  if (name === 'repo_id' && typeof value === 'number')
    return <a href={link('repoinfo', { repoID: value })}>{value}</a>;
  if (typeof value === 'string') return texts.has(name) ? <External url={value} /> : <bdi>{value}</bdi>;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isStruct(value)) return Object.keys(value).length === 0 ? null : <Options options={value} />;
  if (Array.isArray(value) && value.every((one) => typeof one === 'string' && one.length < 200))
    return (
      <>
        {(value as readonly string[]).slice(0, 100).map((one, i) => (
          <>
            {i > 0 ? ', ' : ''}
            <bdi>{one}</bdi>
          </>
        ))}
      </>
    );
  return <Json value={value} />;
}

const Options: FC<{ options: Struct }> = ({ options }) => {
  const entries = Object.entries(options).filter(([name, value]) => name !== '__starstar' && value !== null);
  return entries.every(([, value]) => typeof value !== 'object') && entries.length <= 30 ? (
    <ul class="options">
      {entries.map(([name, value]) => (
        <li>
          <code>{name}</code> <bdi>{String(value)}</bdi>
        </li>
      ))}
    </ul>
  ) : (
    <Json value={options} />
  );
};

/** The parameters of a task. */
export const TaskParams: FC<{ method: string; request: unknown }> = ({ method, request }) => (
  <Facts
    facts={Object.entries(taskParams(method, request))
      .filter(([name]) => name !== '__starstar')
      .map(([name, value]) => ({ name, value: shownAs(name, value) }))}
  />
);
