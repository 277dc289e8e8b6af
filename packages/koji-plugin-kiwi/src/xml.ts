import { SaxesParser } from 'saxes';

/** An element of a description. */
export interface Element {
  readonly name: string;
  readonly attributes: Map<string, string>;
  children: Node[];
}

/** Content between elements: its source, and its meaning if it is text. */
interface Between {
  readonly markup: string;
  readonly text: string;
}

export type Node = Element | Between;

/** A document, with what stands around its one outermost element. */
export interface Document {
  readonly root: Element;
  readonly before: string;
  readonly after: string;
}

const deepest = 500;

/**
 * Reads XML so that it can be written again as it was. Entities that the document declares are not known.
 *
 * @throws an error of the parser, or RangeError for elements that are nested too deep
 */
export function readXml(source: string): Document {
  const top: Element = { name: '', attributes: new Map(), children: [] };
  const open: Element[] = [top];
  const add = (node: Node): void => {
    open.at(-1)?.children.push(node);
  };
  const parser = new SaxesParser();
  let declaration = '';
  parser.on('xmldecl', ({ version, encoding }) => {
    declaration = `<?xml version="${version ?? '1.0'}"${encoding === undefined ? '' : ` encoding="utf-8"`}?>\n`;
  });
  parser.on('doctype', (text) => add({ markup: `<!DOCTYPE${text}>`, text: '' }));
  parser.on('comment', (text) => add({ markup: `<!--${text}-->`, text: '' }));
  parser.on('cdata', (text) => add({ markup: `<![CDATA[${text}]]>`, text }));
  parser.on('processinginstruction', ({ target, body }) =>
    add({ markup: `<?${target} ${body}?>`, text: '' }),
  );
  parser.on('text', (text) => add(textNode(text)));
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length > deepest) throw new RangeError(`elements are nested deeper than ${deepest}`);
    const element = newElement(name, attributes);
    add(element);
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(source).close();
  const root = top.children.find(isElement);
  if (!root) throw new Error('it has no element');
  const at = top.children.indexOf(root);
  const around = (nodes: readonly Node[]): string => nodes.map(write).join('');
  return {
    root,
    before: declaration + around(top.children.slice(0, at)),
    after: around(top.children.slice(at + 1)),
  };
}

export function writeXml({ root, before, after }: Document): string {
  return `${before}${write(root)}${after}`;
}

export function newElement(name: string, attributes: Readonly<Record<string, string>> = {}): Element {
  return { name, attributes: new Map(Object.entries(attributes)), children: [] };
}

export function textNode(text: string): Node {
  return { markup: escaped(text, /[&<>\r]/g), text };
}

export function isElement(node: Node | undefined): node is Element {
  return node !== undefined && 'name' in node;
}

/** All elements of a name below one, in the order in which they stand. */
export function elementsOf({ children }: Element, name: string): Element[] {
  return children
    .filter(isElement)
    .flatMap((child) => [...(child.name === name ? [child] : []), ...elementsOf(child, name)]);
}

export function textOf({ children }: Element): string {
  return children.map((child) => (isElement(child) ? '' : child.text)).join('');
}

function write(node: Node): string {
  if (!isElement(node)) return node.markup;
  const attributes = [...node.attributes]
    .map(([name, value]) => ` ${name}="${escaped(value, /[&<"\t\r\n]/g)}"`)
    .join('');
  const content = node.children.map(write).join('');
  return content === ''
    ? `<${node.name}${attributes}/>`
    : `<${node.name}${attributes}>${content}</${node.name}>`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string, characters: RegExp): string {
  return text.replace(characters, (one) => entities[one] ?? `&#${one.charCodeAt(0)};`);
}
