import { encodeValueText, escapeText } from './encode.js';
import { doubleToText } from './numbers.js';

/** A column of rows: its name, and what makes values that can be sent of the values of the rows. */
export interface RowColumn {
  readonly name: string;
  readonly convert?: ((value: unknown) => unknown) | null;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

const rowStart = ascii('<value><struct>\n');
const rowEnd = ascii('</struct></value>\n');
const memberEnd = ascii('</member>\n');
const stringEnd = ascii('</string></value>\n</member>\n');
const intEnd = ascii('</int></value>\n</member>\n');
const doubleEnd = ascii('</double></value>\n</member>\n');

/** Characters up to which a text is written one by one. */
const shortText = 4096;
/** Bytes of the buffer that is kept for the next rows. */
const keptLength = 1_048_576;

/** The bytes that start a member, up to its value and, for the commonest types, into it or past it. */
interface Member {
  readonly open: Uint8Array;
  readonly string: Uint8Array;
  readonly int: Uint8Array;
  readonly double: Uint8Array;
  readonly nil: Uint8Array;
  readonly yes: Uint8Array;
  readonly no: Uint8Array;
  readonly convert: ((value: unknown) => unknown) | null;
}

function memberOf({ name, convert = null }: RowColumn): Member {
  const open = `<member>\n<name>${escapeText(name)}</name>\n`;
  const bytes = (rest: string): Uint8Array => Uint8Array.from(Buffer.from(open + rest));
  return {
    open: bytes(''),
    string: bytes('<value><string>'),
    int: bytes('<value><int>'),
    double: bytes('<value><double>'),
    nil: bytes('<value><nil/></value></member>\n'),
    yes: bytes('<value><boolean>1</boolean></value>\n</member>\n'),
    no: bytes('<value><boolean>0</boolean></value>\n</member>\n'),
    convert,
  };
}

/**
 * Writes rows with the same columns as structs of XML-RPC: the bytes of {@link encodeResponseStream}, in half the time, since
 * all that is the same for each row is made once.
 */
export class RowEncoder {
  private readonly members: readonly Member[];
  private buffer = Buffer.allocUnsafe(65_536);
  private at = 0;

  /**
   * @param columns columns of different names
   * @throws EncodeError for a name that can't be sent in XML
   */
  constructor(columns: readonly RowColumn[]) {
    this.members = columns.map(memberOf);
  }

  /**
   * Returns the bytes of rows, which are the items of an array.
   *
   * @param rows lists of values in the order of the columns
   * @throws EncodeError for a value that can't be sent, which the error does not tell the place of
   */
  encode(rows: readonly (readonly unknown[])[]): Uint8Array<ArrayBuffer> {
    this.at = 0;
    for (const row of rows) {
      this.copy(rowStart);
      for (let i = 0; i < this.members.length; i++) this.writeMember(this.members[i] as Member, row[i]);
      this.copy(rowEnd);
    }
    const bytes = new Uint8Array(this.at);
    bytes.set(this.buffer.subarray(0, this.at));
    if (this.buffer.length > keptLength) this.buffer = Buffer.allocUnsafe(keptLength);
    return bytes;
  }

  private writeMember(member: Member, given: unknown): void {
    const value = member.convert === null ? given : member.convert(given);
    if (typeof value === 'string') {
      this.copy(member.string);
      this.writeText(value);
      this.copy(stringEnd);
    } else if (typeof value === 'number' && (value | 0) === value) {
      this.copy(member.int);
      this.writeInteger(value);
      this.copy(intEnd);
    } else if (value === null) this.copy(member.nil);
    else if (typeof value === 'boolean') this.copy(value ? member.yes : member.no);
    else if (typeof value === 'number' && !Number.isInteger(value)) {
      this.copy(member.double);
      this.writeText(doubleToText(value));
      this.copy(doubleEnd);
    } else if (value !== undefined) {
      this.copy(member.open);
      this.writeLong(encodeValueText(value));
      this.copy(memberEnd);
    }
  }

  private reserve(length: number): void {
    const { buffer, at } = this;
    if (at + length <= buffer.length) return;
    this.buffer = Buffer.allocUnsafe(Math.max(2 * buffer.length, at + length));
    buffer.copy(this.buffer, 0, 0, at);
  }

  private copy(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  private writeLong(text: string): void {
    this.reserve(Buffer.byteLength(text));
    this.at += this.buffer.write(text, this.at);
  }

  private writeInteger(value: number): void {
    this.reserve(11);
    const { buffer } = this;
    let left = Math.abs(value);
    if (value < 0) buffer[this.at++] = 0x2d;
    let digits = 1;
    for (let rest = left; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
    for (let at = this.at + digits - 1; at >= this.at; at--) {
      buffer[at] = 0x30 + (left % 10);
      left = Math.floor(left / 10);
    }
    this.at += digits;
  }

  private writeText(text: string): void {
    if (text.length > shortText || !this.writeAscii(text)) this.writeLong(escapeText(text));
  }

  /** Writes a text of ASCII characters; returns false for any other one, which is not written. */
  private writeAscii(text: string): boolean {
    this.reserve(5 * text.length);
    const { buffer } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f || (code < 0x20 && code !== 0x0a && code !== 0x09)) return false;
      if (code === 0x26 || code === 0x3c || code === 0x3e) {
        buffer[at++] = 0x26;
        if (code === 0x26) {
          buffer[at++] = 0x61;
          buffer[at++] = 0x6d;
          buffer[at++] = 0x70;
        } else {
          buffer[at++] = code === 0x3c ? 0x6c : 0x67;
          buffer[at++] = 0x74;
        }
        buffer[at++] = 0x3b;
      } else buffer[at++] = code;
    }
    this.at = at;
    return true;
  }
}
