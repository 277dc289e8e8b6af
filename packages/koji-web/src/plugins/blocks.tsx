import type { FC } from 'hono/jsx';
import type { WebBlock, WebInline } from '@koji/plugin-sdk/web';
import { Chip } from '../parts/states.js';
import { Facts, Rows } from '../parts/table.js';
import { External, LongText, None } from '../parts/values.js';
import { most } from './check.js';

const cut = (text: string): string => (text.length > most.text ? `${text.slice(0, most.text)}…` : text);

/** One of our pages: a name with a query, never another site and never a script. */
const isOwn = (href: string): boolean => /^[a-z][a-z0-9_-]*(\?[^\s]*)?(#[^\s]*)?$/i.test(href);

const Inline: FC<{ value: WebInline }> = ({ value }) => {
  if (value === null) return <None />;
  if (typeof value !== 'object') return <bdi>{cut(String(value))}</bdi>;
  if (value.kind === 'state') return <Chip tone={value.tone} word={cut(value.word)} />;
  if (isOwn(value.href))
    return (
      <a href={value.href}>
        <bdi>{cut(value.text)}</bdi>
      </a>
    );
  return <External url={value.href} text={cut(value.text)} />;
};

const Block: FC<{ block: WebBlock }> = ({ block }) => {
  switch (block.kind) {
    case 'text':
      return (
        <p>
          {block.parts.map((part) => (
            <Inline value={part} />
          ))}
        </p>
      );
    case 'heading':
      return <h3>{cut(block.text)}</h3>;
    case 'code':
      return <LongText text={cut(block.text)} />;
    case 'list':
      return (
        <ul class="plain">
          {block.items.slice(0, most.rows).map((item) => (
            <li>
              <Inline value={item} />
            </li>
          ))}
        </ul>
      );
    case 'facts':
      return (
        <Facts facts={block.facts.map(([name, value]) => ({ name, value: <Inline value={value} /> }))} />
      );
    case 'table':
      return (
        <Rows
          label={block.columns.join(', ')}
          rows={block.rows.slice(0, most.rows)}
          columns={block.columns.map((title, i) => ({
            title,
            cell: (row: readonly WebInline[]) => <Inline value={row[i] ?? null} />,
          }))}
        />
      );
  }
};

/** The output of a plugin. */
export const Blocks: FC<{ blocks: readonly WebBlock[] }> = ({ blocks }) => (
  <>
    {blocks.map((block) => (
      <Block block={block} />
    ))}
  </>
);
