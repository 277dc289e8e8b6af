import { defaultOf } from './argument-text.js';
import type { Method } from './method.js';

/** A JSON Schema. */
type Schema = Readonly<Record<string, unknown>>;

/**
 * Returns the OpenRPC document of methods: names, arguments with their types and defaults, results, and the required role of
 * the caller (`x-needs`: `none`, `login`, `host` or `perm:NAME`).
 *
 * @param version of the API
 * @see https://spec.open-rpc.org
 */
export function openRpc(
  methods: ReadonlyMap<string, Method>,
  version: string,
): Readonly<Record<string, unknown>> {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Koji hub',
      version,
      description:
        'The methods of a Koji hub by JSON-RPC 2.0. A session is passed by the headers Koji-Session-Id, Koji-Session-Key and Koji-Session-Callnum.',
    },
    servers: [{ name: 'hub', url: '/kojihub/json' }],
    methods: [...methods]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, declared]) => methodOf(name, declared)),
  };
}

function methodOf(name: string, { doc, needs, args, rest, keywords, result, returns }: Method): Schema {
  const more = [
    ...(rest ? ['Takes further arguments by position.'] : []),
    ...(keywords ? ['Takes further arguments by name.'] : []),
  ];
  return {
    name,
    summary: doc.split('\n')[0],
    description: [doc, ...more].join(' '),
    paramStructure: rest ? 'by-position' : 'either',
    params: args.map((argument) => ({
      name: argument.name,
      required: !argument.optional,
      schema: {
        ...(argument.schema ?? schemaOf(argument.type.name)),
        ...(argument.optional ? { default: defaultOf(argument) ?? null } : {}),
      },
    })),
    result: { name: returns ?? 'result', schema: schemaOf(result.name) },
    'x-needs': needs,
  };
}

const simple: Readonly<Record<string, Schema>> = {
  str: { type: 'string' },
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  dict: { type: 'object' },
  list: { type: 'array' },
  null: { type: 'null' },
  any: {},
};

/**
 * The schema of a type by its name in the reference, such as `str | list(int) | null`; a text that is not a type becomes a
 * title.
 */
function schemaOf(name: string): Schema {
  const choices = splitTop(name, '|');
  if (choices.length > 1) return { anyOf: choices.map(schemaOf) };
  const known = Object.hasOwn(simple, name) ? simple[name] : undefined;
  if (known) return known;
  const [, kind, inner] = /^(list|struct)\((.*)\)$/s.exec(name) ?? [];
  if (kind === 'struct' && inner !== undefined)
    return { type: 'object', properties: Object.fromEntries(splitTop(inner, ',').map((key) => [key, {}])) };
  if (kind === 'list' && inner !== undefined) {
    const items = splitTop(inner, ',');
    const [only = 'any'] = items;
    return { type: 'array', ...(items.length === 1 ? { items: schemaOf(only) } : {}) };
  }
  if (/^"[^"]*"$/.test(name)) return { const: name.slice(1, -1) };
  return { title: name };
}

/** Splits a text at a separator that is not inside parentheses. */
function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (text[at] !== separator || depth !== 0) continue;
    parts.push(text.slice(from, at).trim());
    from = at + 1;
  }
  return [...parts, text.slice(from).trim()];
}
