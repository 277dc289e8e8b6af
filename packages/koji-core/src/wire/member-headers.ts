/** The start of members in the form that Koji writes. A row's members start like those of the previous row. */
export interface Header {
  readonly text: string;
  readonly key: string;
  next: Header | undefined;
}

const memberStart = '<member>\n<name>';
/** Number of cached starts. */
const most = 4096;

/** Starts of earlier members. */
export class MemberHeaders {
  private readonly known = new Map<string, Header>();
  private last: Header | undefined;

  /**
   * Returns the start of a member at a position, or null if it has another form.
   *
   * @param isPlain whether there are no references between two positions
   */
  at(text: string, at: number, isPlain: (from: number, to: number) => boolean): Header | null {
    const next = this.last?.next;
    const header = next && text.startsWith(next.text, at) ? next : this.find(text, at, isPlain);
    if (header) this.last = header;
    return header;
  }

  private find(text: string, at: number, isPlain: (from: number, to: number) => boolean): Header | null {
    if (!text.startsWith(memberStart, at)) return null;
    const nameEnd = text.indexOf('<', at + memberStart.length);
    if (nameEnd === -1 || !text.startsWith('</name>\n<value>', nameEnd)) return null;
    if (!isPlain(at, nameEnd)) return null;
    const key = text.slice(at + memberStart.length, nameEnd);
    let header = this.known.get(key);
    if (header === undefined) {
      header = { text: `${memberStart}${key}</name>\n<value>`, key, next: undefined };
      if (this.known.size < most) this.known.set(key, header);
    }
    if (this.last !== undefined) this.last.next = header;
    return header;
  }
}
