import type { Child, FC } from 'hono/jsx';
import { link } from '../routes.js';
import type { View } from '../page.js';

/** Rows of a page of a list. */
export const pageLength = 50;

/** A part of a list, with where it is in the whole. */
export interface Listed<T> {
  readonly rows: readonly T[];
  readonly start: number;
  /** Of the whole list. */
  readonly total: number;
  readonly length: number;
}

/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => Child;
  /** The name in parameter `order`, for columns that can be sorted by. */
  readonly order?: string;
  /** Left out on narrow screens. */
  readonly wide?: boolean;
  /** Aligned to the right. */
  readonly numeric?: boolean;
}

/** The names of a list's parameters on a page with several lists. */
interface ListNames {
  readonly start?: string;
  readonly order?: string;
}

interface TableProps<T> {
  readonly view: View;
  readonly list: Listed<T>;
  readonly columns: readonly Column<T>[];
  /** Name of the rows, in the plural: `builds`. */
  readonly things: string;
  readonly names?: ListNames;
  /** The id of the list in the page. */
  readonly anchor?: string;
  /** Shown when there is nothing: what to do next. */
  readonly empty?: Child;
}

const startOf = (names: ListNames | undefined): string => names?.start ?? 'start';
const orderOf = (names: ListNames | undefined): string => names?.order ?? 'order';

/** Returns the address of the same page with some parameters changed. */
export function again(view: View, changes: Readonly<Record<string, unknown>>): string {
  const params = Object.fromEntries(
    Object.entries({ ...view.params, ...changes }).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? Number(value) : value,
    ]),
  );
  return link(view.page, params);
}

/** A list as a table with its columns to sort by and the way to its other pages. */
export function Table<T>(props: TableProps<T>) {
  const { view, list, columns, things, names, anchor, empty } = props;
  if (list.total === 0) return <Empty anchor={anchor}>{empty ?? `There are no ${things}.`}</Empty>;
  return (
    <div class="list" id={anchor}>
      <Pager view={view} list={list} things={things} names={names} anchor={anchor} />
      <Rows view={view} rows={list.rows} columns={columns} label={things} names={names} anchor={anchor} />
      {list.total > list.length && list.rows.length > 20 ? (
        <Pager view={view} list={list} things={things} names={names} anchor={anchor} isSecond />
      ) : null}
    </div>
  );
}

interface RowsProps<T> {
  readonly view?: View | undefined;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly label: string;
  readonly names?: ListNames | undefined;
  readonly anchor?: string | undefined;
}

/** A table of rows, which scrolls by itself where it is wider than the screen. */
export function Rows<T>({ view, rows, columns, label, names, anchor }: RowsProps<T>) {
  return (
    <div class="scroll" role="region" aria-label={label} tabindex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell view={view} column={column} names={names} anchor={anchor} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr class={i % 2 ? 'row-even' : 'row-odd'}>
              {columns.map((column) => (
                <td class={classOf(column)}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classOf<T>({ wide, numeric }: Column<T>): string | undefined {
  const classes = [...(wide ? ['wide'] : []), ...(numeric ? ['numeric'] : [])];
  return classes.length > 0 ? classes.join(' ') : undefined;
}

interface HeadProps<T> {
  readonly view?: View | undefined;
  readonly column: Column<T>;
  readonly names?: ListNames | undefined;
  readonly anchor?: string | undefined;
}

function HeadCell<T>({ view, column, names, anchor }: HeadProps<T>) {
  const { title, order } = column;
  if (!view || order === undefined)
    return (
      <th scope="col" class={classOf(column)}>
        {title}
      </th>
    );
  const parameter = orderOf(names);
  const now = (view.params as Readonly<Record<string, unknown>>)[parameter];
  const direction = now === order ? 'ascending' : now === `-${order}` ? 'descending' : undefined;
  const next = now === order ? `-${order}` : order;
  const href = again(view, { [parameter]: next, [startOf(names)]: 0 });
  return (
    <th scope="col" class={classOf(column)} aria-sort={direction}>
      <a href={anchor === undefined ? href : `${href}#${anchor}`} rel="nofollow">
        {title}
        {direction === undefined ? null : (
          <span class="direction" aria-hidden="true">
            {direction === 'ascending' ? '▲' : '▼'}
          </span>
        )}
      </a>
    </th>
  );
}

interface PagerProps {
  readonly view: View;
  readonly list: Listed<unknown>;
  readonly things: string;
  readonly names?: ListNames | undefined;
  readonly anchor?: string | undefined;
  /** The one below the list, whose fields can't have the same names to screen readers. */
  readonly isSecond?: boolean;
}

const Pager: FC<PagerProps> = ({ view, list, things, names, anchor, isSecond = false }) => {
  const { start, total, length, rows } = list;
  const at = (where: number): string => {
    const href = again(view, { [startOf(names)]: where });
    return anchor === undefined ? href : `${href}#${anchor}`;
  };
  const label = `${things.slice(0, 1).toUpperCase()}${things.slice(1)}`;
  return (
    <div class="pager">
      <span>
        {rows.length === 0
          ? `No more ${things}: there are ${total}`
          : `${label} ${start + 1} through ${start + rows.length} of ${total}`}
      </span>
      {start > 0 ? (
        <a href={at(Math.max(start - length, 0))} rel="prev nofollow">
          <span aria-hidden="true">&lt;&lt;&lt;</span> previous
        </a>
      ) : null}
      {total > length ? (
        <PageJump view={view} list={list} names={names} label={`Page of ${things}`} isSecond={isSecond} />
      ) : null}
      {start + length < total ? (
        <a href={at(start + length)} rel="next nofollow">
          next <span aria-hidden="true">&gt;&gt;&gt;</span>
        </a>
      ) : null}
    </div>
  );
};

interface JumpProps {
  readonly view: View;
  readonly list: Listed<unknown>;
  readonly names?: ListNames | undefined;
  readonly label: string;
  readonly isSecond: boolean;
}

const PageJump: FC<JumpProps> = ({ view, list: { start, total, length }, names, label, isSecond }) => {
  const pages = Math.ceil(total / length);
  const current = Math.floor(start / length);
  const near = isSecond ? 5 : 20;
  const shown = Array.from({ length: pages }, (_, i) => i).filter(
    (i) => Math.abs(i - current) <= near || i % 100 === 0 || i === pages - 1,
  );
  return (
    <form class="pageJump" method="get" action={view.page === 'index' ? './' : view.page}>
      <Hidden view={view} except={[startOf(names)]} />
      <select name={startOf(names)} aria-label={isSecond ? `${label} (below)` : label}>
        {shown.map((i) => (
          <option value={String(i * length)} selected={i === current}>
            {i + 1}
          </option>
        ))}
      </select>
      <button type="submit">Go</button>
    </form>
  );
};

/** The other parameters of the page in a form, as hidden fields. */
export const Hidden: FC<{ view: View; except: readonly string[] }> = ({ view, except }) => {
  const query = new URL(again(view, {}), 'http://page/').searchParams;
  return (
    <>
      {[...query]
        .filter(([name]) => !except.includes(name))
        .map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
    </>
  );
};

/** Says that there is nothing and what to do next. */
export const Empty: FC<{ anchor?: string | undefined; children?: Child }> = ({ anchor, children }) => (
  <div class="empty" id={anchor}>
    {children}
  </div>
);

/** A field of a {@link Filters} form. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  /** Values with their texts; without any the field takes text. */
  readonly options?: readonly (readonly [value: string, text: string])[];
}

interface TextFilterProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly required?: boolean;
}

/** A field of text among those that choose what a page shows. */
export const TextFilter: FC<TextFilterProps> = ({ name, label, value, required = false }) => (
  <label>
    <span>{label}</span>
    <input name={name} value={value} required={required} maxlength={300} />
  </label>
);

/** The fields above a list that choose what it shows. */
export const Filters: FC<{ view: View; filters: readonly Filter[] }> = ({ view, filters }) => (
  <form class="filters" method="get" action={view.page}>
    <Hidden view={view} except={['start', ...filters.map(({ name }) => name)]} />
    {filters.map(({ name, label, value, options }) =>
      options ? (
        <label>
          <span>{label}</span>
          <select name={name}>
            {options.map(([one, text]) => (
              <option value={one} selected={one === value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <TextFilter name={name} label={label} value={value} />
      ),
    )}
    <button type="submit">Show</button>
  </form>
);

const characters = Array.from('0123456789abcdefghijklmnopqrstuvwxyz');

/** The line of first characters above a list of names. */
export const Prefixes: FC<{ view: View; current: string | null }> = ({ view, current }) => (
  <nav class="prefixes" aria-label="First character">
    <a href={again(view, { prefix: null, start: 0 })} aria-current={current === null ? 'true' : undefined}>
      all
    </a>
    {characters.map((c) => (
      <a
        href={again(view, { prefix: c, start: 0 })}
        aria-current={c === current ? 'true' : undefined}
        rel="nofollow"
      >
        {c}
      </a>
    ))}
  </nav>
);

/** A fact of a thing: its name and value. Facts without a value are left out. */
export interface Fact {
  readonly name: string;
  readonly value: Child;
  readonly show?: boolean;
}

/** The facts of a thing as a list of names and values. */
export const Facts: FC<{ facts: readonly (Fact | null)[] }> = ({ facts }) => (
  <dl class="facts">
    {facts
      .filter((fact): fact is Fact => fact !== null && fact.show !== false)
      .filter(({ value }) => value !== null && value !== undefined && value !== '')
      .map(({ name, value }) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);

/** A part of a page with a heading. */
export const Section: FC<{ title: string; id?: string; note?: Child; children?: Child }> = (props) => (
  <section id={props.id}>
    <h2>
      {props.title}
      {props.note === undefined ? null : <small> {props.note}</small>}
    </h2>
    {props.children}
  </section>
);
