/** Checks the answers of plugins, which may be anything: only displayable values pass. */
import type { WebBlock, WebInline } from '@koji/plugin-sdk/web';

/** Blocks of a page or panel, rows of a list or table, and characters of a text that are shown. */
export const most = { blocks: 100, rows: 500, text: 20_000 };

type Struct = Readonly<Record<string, unknown>>;

function structOf(value: unknown): Struct {
  return typeof value === 'object' && value !== null ? (value as Struct) : {};
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

function isInline(value: unknown): value is WebInline {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return true;
  const { kind, href, text, tone, word } = structOf(value);
  if (kind === 'link') return isTexts([href, text]);
  return kind === 'state' && isTexts([tone, word]) && /^(good|bad|busy|waiting|off)$/.test(String(tone));
}

const isInlines = (value: unknown): boolean => Array.isArray(value) && value.every(isInline);

const checks: Readonly<Record<string, (block: Struct) => boolean>> = {
  text: ({ parts }) => isInlines(parts),
  heading: ({ text }) => typeof text === 'string',
  code: ({ text }) => typeof text === 'string',
  list: ({ items }) => isInlines(items),
  facts: ({ facts }) =>
    Array.isArray(facts) &&
    facts.every((fact) => Array.isArray(fact) && typeof fact[0] === 'string' && isInline(fact[1])),
  table: ({ columns, rows }) => isTexts(columns) && Array.isArray(rows) && rows.every(isInlines),
};

function isBlock(value: unknown): value is WebBlock {
  const block = structOf(value);
  const kind = String(block['kind']);
  return Object.hasOwn(checks, kind) && checks[kind]?.(block) === true;
}

/**
 * Checks what a page or panel answered.
 *
 * @throws Error that names the block which can't be shown
 */
export function checkBlocks(value: unknown): readonly WebBlock[] {
  if (!Array.isArray(value)) throw new Error('it answered no list of blocks');
  const wrong = value.findIndex((block) => !isBlock(block));
  if (wrong !== -1) throw new Error(`its block ${wrong + 1} is none that can be shown`);
  return value.slice(0, most.blocks) as WebBlock[];
}
