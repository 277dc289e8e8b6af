import type { FC } from 'hono/jsx';
import type { InheritanceNode } from '@koji/core/api';
import { link } from '../routes.js';

const box = { width: 168, height: 28 };
const gap = { x: 56, y: 12 };
const margin = 8;
const labelLength = 24;

interface Node {
  readonly id: number;
  readonly name: string;
  /** Steps from the tag: positive for what it inherits from, negative for what inherits from it. */
  readonly depth: number;
}

/** A line from a tag to one that it inherits from. */
interface Edge {
  readonly from: number;
  readonly to: number;
  readonly priority: number;
  /** Restrictions of the inheritance along it. */
  readonly isPartial: boolean;
}

/** The inheritance of a tag both ways, laid out. */
interface Graph {
  readonly nodes: readonly (Node & { readonly x: number; readonly y: number })[];
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
  /** Tags that are not in the picture. */
  readonly left: number;
}

/** Tags in a picture; beyond it the lists are easier to read. */
const mostNodes = 60;

function layOut(
  tag: { readonly id: number; readonly name: string },
  parents: readonly InheritanceNode[],
  children: readonly InheritanceNode[],
): Graph {
  const found = new Map<number, Node>([[tag.id, { ...tag, depth: 0 }]]);
  const add = (node: Node): void => {
    // A tag with several paths is at the end of the longest, so that all lines have one direction.
    const known = found.get(node.id);
    if (!known || (known.depth !== 0 && Math.abs(known.depth) < Math.abs(node.depth)))
      found.set(node.id, node);
  };
  for (const one of parents) add({ id: one.parent_id, name: one.name, depth: one.currdepth });
  for (const one of children) add({ id: one.tag_id ?? one.parent_id, name: one.name, depth: -one.currdepth });
  const all = [...found.values()].sort((a, b) => Math.abs(a.depth) - Math.abs(b.depth));
  const shown = all.slice(0, mostNodes);
  const depths = shown.map(({ depth }) => depth);
  const least = Math.min(...depths);
  const columns = new Map<number, Node[]>();
  for (const node of shown) columns.set(node.depth, [...(columns.get(node.depth) ?? []), node]);
  const rows = Math.max(...[...columns.values()].map(({ length }) => length));
  const height = rows * (box.height + gap.y) - gap.y + margin * 2;
  const nodes = [...columns].flatMap(([depth, column]) => {
    const own = column.length * (box.height + gap.y) - gap.y;
    return column.map((node, i) => ({
      ...node,
      x: margin + (depth - least) * (box.width + gap.x),
      y: (height - own) / 2 + i * (box.height + gap.y),
    }));
  });
  const ids = new Set(shown.map(({ id }) => id));
  const edges = new Map<string, Edge>();
  for (const one of [...parents, ...children]) {
    const from = one.child_id ?? one.tag_id ?? tag.id;
    const edge = {
      from,
      to: one.parent_id,
      priority: one.priority,
      isPartial: one.intransitive || one.noconfig || one.maxdepth !== null,
    };
    if (ids.has(edge.from) && ids.has(edge.to)) edges.set(`${edge.from} ${edge.to}`, edge);
  }
  return {
    nodes,
    edges: [...edges.values()],
    width: (Math.max(...depths) - least + 1) * (box.width + gap.x) - gap.x + margin * 2,
    height,
    left: all.length - shown.length,
  };
}

const shortened = (name: string): string =>
  name.length > labelLength ? `${name.slice(0, labelLength - 1)}…` : name;

interface Props {
  readonly tag: { readonly id: number; readonly name: string };
  readonly parents: readonly InheritanceNode[];
  readonly children: readonly InheritanceNode[];
}

/** A picture of the tags that a tag inherits from, on its right, and of those that inherit from it, on its left. */
export const InheritanceGraph: FC<{ graph: Props }> = ({ graph: { tag, parents, children } }) => {
  const { nodes, edges, width, height, left } = layOut(tag, parents, children);
  const at = new Map(nodes.map((node) => [node.id, node]));
  return (
    <figure class="graph">
      <div class="scroll" role="region" aria-label="graph of inheritance" tabindex={0}>
        <svg
          role="group"
          aria-label="Tags and what they inherit from, from left to right"
          viewBox={`0 0 ${width} ${height}`}
          width={String(width)}
          height={String(height)}
        >
          {edges.map(({ from, to, priority, isPartial }) => {
            const [start, end] = [at.get(from), at.get(to)];
            if (!start || !end) return null;
            const [x1, y1] = [start.x + box.width, start.y + box.height / 2];
            const [x2, y2] = [end.x, end.y + box.height / 2];
            return (
              <path
                class={isPartial ? 'partial' : 'whole'}
                d={`M${x1} ${y1}C${x1 + 28} ${y1} ${x2 - 28} ${y2} ${x2} ${y2}`}
              >
                <title>{`priority ${priority}`}</title>
              </path>
            );
          })}
          {nodes.map(({ id, name, x, y }) => (
            <a
              href={link('taginfo', { tagID: id })}
              aria-label={name}
              class={id === tag.id ? 'self' : 'other'}
            >
              <title>{name}</title>
              <rect
                x={String(x)}
                y={String(y)}
                width={String(box.width)}
                height={String(box.height)}
                rx="6"
              />
              <text x={String(x + box.width / 2)} y={String(y + box.height / 2 + 4)} text-anchor="middle">
                {shortened(name)}
              </text>
            </a>
          ))}
        </svg>
      </div>
      <figcaption class="note">
        Builds flow from right to left: a tag has what the tags on its right have. A dashed line passes on
        only a part.
        {left > 0 ? ` ${left} further tags are in the lists alone.` : ''}
      </figcaption>
    </figure>
  );
};
