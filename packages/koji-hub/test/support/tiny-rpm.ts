/** The fields of a generated rpm. */
export interface TinyRpm {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  /** Absent for a source rpm. */
  readonly sourcerpm?: string;
}

const tags: Readonly<Record<keyof TinyRpm, number>> = {
  name: 1000,
  version: 1001,
  release: 1002,
  arch: 1022,
  sourcerpm: 1044,
};

/** Returns a file with the headers of an rpm and no payload; its fields may hold anything. */
export function tinyRpm(fields: TinyRpm): Buffer {
  const lead = Buffer.alloc(96);
  lead.write('edabeedb', 0, 'hex');
  const texts = Object.entries(fields) as [keyof TinyRpm, string][];
  const main = section(
    texts.map(([field, text]) => ({ tag: tags[field], type: 6, count: 1, data: Buffer.from(`${text}\0`) })),
  );
  const signature = section([{ tag: 1004, type: 7, count: 16, data: Buffer.alloc(16, 7) }]);
  return Buffer.concat([lead, signature, main]);
}

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly data: Buffer;
}

/** A header section: magic, counts, index, data; 16 bytes of data need no padding after them. */
function section(entries: readonly Entry[]): Buffer {
  const index: Buffer[] = [];
  let offset = 0;
  for (const { tag, type, count, data } of entries) {
    const entry = Buffer.alloc(16);
    [tag, type, offset, count].forEach((number, i) => entry.writeUInt32BE(number, i * 4));
    index.push(entry);
    offset += data.length;
  }
  const intro = Buffer.alloc(16);
  intro.write('8eade801', 0, 'hex');
  intro.writeUInt32BE(entries.length, 8);
  intro.writeUInt32BE(offset, 12);
  return Buffer.concat([intro, ...index, ...entries.map(({ data }) => data)]);
}
