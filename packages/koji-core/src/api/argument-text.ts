import type { Arg, Method } from './method.js';

type Shown = Pick<Method, 'args' | 'rest' | 'keywords' | 'keywordsName'>;

/** The arguments of one of Koji's wrappers, which accept anything. */
const wrapper = { args: [], rest: true, keywords: true, keywordsName: 'opts' };

/** The arguments of a method as shown to its callers. */
export function shownArguments(declared: Method): Shown {
  return declared.wrapped ? wrapper : declared;
}

/** The default of an argument as shown to its callers. */
export function defaultOf({ shownDefault, default: fallback }: Arg): unknown {
  return shownDefault ?? fallback;
}

/** A method's description, with a line for each documented argument. */
export function docText({ doc, args }: Pick<Method, 'doc' | 'args'>): string {
  const lines = args.flatMap(({ name, about }) => (about === undefined ? [] : [`  ${name}: ${about}`]));
  return [...(doc === '' ? [] : [doc]), ...lines].join('\n');
}

/** A method's arguments as Koji shows them: `(tag, event=None, *args)`. */
export function argumentText(declared: Method): string {
  const { args, rest, keywords, keywordsName = 'kwargs' } = shownArguments(declared);
  const shown = args.map((argument) =>
    argument.optional ? `${argument.name}=${pythonText(defaultOf(argument))}` : argument.name,
  );
  const further = [...(rest ? ['*args'] : []), ...(keywords ? [`**${keywordsName}`] : [])];
  return `(${[...shown, ...further].join(', ')})`;
}

function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value}'`;
  return JSON.stringify(value);
}
