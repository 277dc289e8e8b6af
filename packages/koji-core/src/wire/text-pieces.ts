import { skipComment, skipInstruction, unescapePieces } from './xml.js';

/** Length in characters above which a text is created in pieces. */
export const longText = 65_536;

/** Returns the text between two positions of a document, whichever elements ended in between, in pieces. */
export function* textPieces(text: string, from: number, end: number): Generator<string, void, void> {
  for (let at = from; at < end;) {
    const tag = text.indexOf('<', at);
    const stop = tag === -1 || tag > end ? end : tag;
    if (stop > at) yield* unescapePieces(text.slice(at, stop), at);
    if (stop === end) break;
    if (text.startsWith('<!--', stop)) at = skipComment(text, stop);
    else if (text.startsWith('<?', stop)) at = skipInstruction(text, stop);
    else if (text.startsWith('<![CDATA[', stop)) {
      at = text.indexOf(']]>', stop) + 3;
      yield text.slice(stop + 9, at - 3);
    } else at = text.indexOf('>', stop) + 1;
    if (stop - from > longText) yield '';
  }
}
