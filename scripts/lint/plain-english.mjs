// A rule of ESLint: comments and the titles of tests avoid the turns that CONTRIBUTING.md ("Plain English") advises against, as far as a
// program can find them. A comment's `//` lines that follow each other count as one text.

/** Turns that are wrong anywhere, with better words. */
const turns = [
  [/\b(whom|who(so|m)?ever|himself|shall|anew|hitherto)\b/i, 'name the person, or say "again"'],
  [/\b(is|are|was|were|be|been) told (of|by|anew|once)\b|\btells? of\b|\bhears? of\b/, 'report, notify'],
  [/\bstands? (in(?! for)|there|at|before|behind|below|above|between)\b/, '"is in", "comes before"'],
  [/\b(go|goes|going|gone|went) on\b/, '"continue", "in progress"'],
  [/; (whether|how many|how much)\b/, 'a sentence: "Returns true if …"'],
  [/\bin words\b|\bin vain\b|\bof old\b|\ball the same\b/, 'describe it plainly'],
  [/\b(put|puts|putting) away\b|\b(take|takes|took|taken|taking) away\b/, '"remove"'],
  [/\b(is|are|was|were) not there\b|\b(is|are) there already\b/, '"is missing", "already exists"'],
  [/\bbehind (it|them|that|those|each)\b/, '"after"'],
  [
    /\b(what|that|which|it|they|who|and) (is|are) no (?!longer|more|other|such|limit|way|need)\w/,
    '"is not a"',
  ],
  [/\bwhen it is none\b|\bthat (is|are) none\b/, 'repeat the noun: "if it is not a package"'],
  [/\bmust please\b|\bas it stands\b|\bfor (those )?who\b/, '"must pass", "unchanged", "for callers that"'],
];

/** Words that a comment must not start with: a type's comment is a noun phrase, a function's starts with a verb. */
const start = /^(What|Which|Whom|Whose)\b/;

/** Returns the turns in a text, each with better words. */
export function turnsIn(text) {
  const found = turns.flatMap(([turn, better]) => {
    const match = turn.exec(text);
    return match ? [{ turn: match[0], better }] : [];
  });
  const first = start.exec(text);
  return first ? [{ turn: first[0], better: 'start with a noun or a verb' }, ...found] : found;
}

export const plainEnglish = {
  meta: { type: 'suggestion', schema: [], messages: { turn: "'{{turn}}' is not plain English: {{better}}" } },
  create(context) {
    const { sourceCode } = context;
    const check = (node, text) => {
      for (const data of turnsIn(text)) context.report({ loc: node.loc, messageId: 'turn', data });
    };
    return {
      Program() {
        for (const comments of groupsOf(sourceCode.getAllComments())) {
          const text = comments.map(({ value }) => plainText(value)).join(' ');
          if (!/^(eslint|@ts-)/.test(text)) check(comments[0], text);
        }
      },
      'CallExpression > Literal'(node) {
        if (isTitle(node)) check(node, String(node.value));
      },
    };
  },
};

/** Whether a text is the title of a test. */
function isTitle(node) {
  const { parent, value } = node;
  if (parent.arguments[0] !== node || typeof value !== 'string') return false;
  let { callee } = parent;
  while (callee.type !== 'Identifier')
    if (callee.type === 'MemberExpression') callee = callee.object;
    else if (callee.type === 'CallExpression') ({ callee } = callee);
    else return false;
  return ['test', 'it', 'describe'].includes(callee.name);
}

const plainText = (comment) =>
  comment
    .replace(/```[^]*?```/g, '')
    .replace(/^\s*\* ?/gm, '')
    .replace(/`[^`]*`/g, '')
    .replace(/\s+/g, ' ')
    .trim();

/** Joins line comments that follow each other. */
function groupsOf(comments) {
  const groups = [];
  for (const comment of comments) {
    const last = groups.at(-1)?.at(-1);
    const follows =
      last?.type === 'Line' && comment.type === 'Line' && last.loc.end.line + 1 === comment.loc.start.line;
    if (follows) groups.at(-1).push(comment);
    else groups.push([comment]);
  }
  return groups;
}
