import { Kind } from './kinds.js';

/** A scalar value, read in the form that Koji writes. */
export class KojiScalar {
  /** `string` and `double` are given by their text; others have a `value`. */
  kind = Kind.other;
  value: unknown;
  /** Start and end of its text. */
  from = 0;
  end = 0;
  /** Position after the line end that follows the value. */
  at = 0;

  /** Reads one, starting at its type's start tag; returns false if it has another form. */
  read(text: string, type: number): boolean {
    switch (text.charCodeAt(type + 1)) {
      case 0x73:
        return text.startsWith('string>', type + 1) && this.text(text, type, Kind.string);
      case 0x64:
        return text.startsWith('double>', type + 1) && this.text(text, type, Kind.double);
      case 0x69: {
        const eight = text.charCodeAt(type + 2) === 0x38;
        if (!text.startsWith(eight ? '8>' : 'nt>', type + 2)) return false;
        return this.integer(text, type + (eight ? 4 : 5), eight ? '</i8></value>\n' : '</int></value>\n');
      }
      case 0x6e:
        return text.startsWith('nil/></value>', type + 1) && this.is(null, type + 6, type + 14);
      case 0x62: {
        const value = text.charCodeAt(type + 9) - 0x30;
        if (!text.startsWith('boolean>', type + 1) || (value !== 0 && value !== 1)) return false;
        if (!text.startsWith('</boolean></value>\n', type + 10)) return false;
        return this.is(value === 1, type + 9, type + 29);
      }
      default:
        return false;
    }
  }

  private text(text: string, type: number, kind: Kind.string | Kind.double): boolean {
    const from = type + 8;
    const end = text.indexOf('<', from);
    const close = kind === Kind.string ? '</string></value>\n' : '</double></value>\n';
    if (end === -1 || !text.startsWith(close, end)) return false;
    this.kind = kind;
    this.from = from;
    this.end = end;
    this.at = end + 18;
    return true;
  }

  private is(value: unknown, from: number, at: number): true {
    this.kind = Kind.other;
    this.value = value;
    this.from = from;
    this.at = at;
    return true;
  }

  private integer(text: string, from: number, close: string): boolean {
    const negative = text.charCodeAt(from) === 0x2d;
    let at = negative ? from + 1 : from;
    const first = at;
    let value = 0;
    for (
      let digit = text.charCodeAt(at) - 0x30;
      digit >= 0 && digit <= 9;
      digit = text.charCodeAt(at) - 0x30
    ) {
      value = value * 10 + digit;
      at++;
    }
    if (at === first || at - first > 15 || !text.startsWith(close, at)) return false;
    return this.is(negative && value !== 0 ? -value : value, from, at + close.length);
  }
}
