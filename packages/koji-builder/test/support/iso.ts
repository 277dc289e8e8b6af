const sector = 2048;

/** A folder of an image that is being made: what is in it, by name. */
interface Folder {
  readonly entries: Map<string, Folder | Buffer>;
}

/** Makes a small ISO 9660 image with names of Rock Ridge; its files by their paths. */
export function makeIso(volume: string, files: Readonly<Record<string, string>>): Buffer {
  const root: Folder = { entries: new Map() };
  for (const [place, text] of Object.entries(files)) {
    const names = place.split('/');
    let at = root;
    for (const name of names.slice(0, -1)) {
      const next = (at.entries.get(name) ?? { entries: new Map() }) as Folder;
      at.entries.set(name, next);
      at = next;
    }
    at.entries.set(names.at(-1) ?? '', Buffer.from(text));
  }
  const sectors: Buffer[] = [];
  const store = (bytes: Buffer): number => {
    const start = 18 + sectors.length;
    for (let at = 0; at === 0 || at < bytes.length; at += sector)
      sectors.push(Buffer.concat([bytes.subarray(at, at + sector)], sector));
    return start;
  };
  // Contents first, because a folder contains their positions; `..` is not read.
  const write = (folder: Folder): number => {
    const records = [...folder.entries].map(([name, entry], i) =>
      Buffer.isBuffer(entry)
        ? record(`F${i};1`, { start: store(entry), size: entry.length, flags: 0, name })
        : record(`D${i}`, { start: write(entry), size: sector, flags: 2, name }),
    );
    const start = 18 + sectors.length;
    const self = { start, size: sector, flags: 2, name: '' };
    return store(Buffer.concat([record('\0', self), record('\x01', self), ...records], sector));
  };
  const top = write(root);
  const about = Buffer.alloc(sector);
  about.write('\x01CD001\x01', 0, 'latin1');
  about.write('LINUX'.padEnd(32), 8, 'latin1');
  about.write(volume.padEnd(32), 40, 'latin1');
  about.fill(' ', 190, 702);
  record('\0', { start: top, size: sector, flags: 2, name: '' }).copy(about, 156);
  const end = Buffer.concat([Buffer.from('\xffCD001\x01', 'latin1')], sector);
  return Buffer.concat([Buffer.alloc(16 * sector), about, end, ...sectors]);
}

function record(
  identifier: string,
  {
    start,
    size,
    flags,
    name,
  }: { readonly start: number; readonly size: number; readonly flags: number; readonly name: string },
): Buffer {
  const padding = identifier.length % 2 === 0 ? 1 : 0;
  const rock =
    name === ''
      ? Buffer.alloc(0)
      : Buffer.concat([
          Buffer.from(['N'.charCodeAt(0), 'M'.charCodeAt(0), 5 + name.length, 1, 0]),
          Buffer.from(name),
        ]);
  const used = 33 + identifier.length + padding + rock.length;
  const bytes = Buffer.alloc(used + (used % 2));
  bytes[0] = bytes.length;
  bytes.writeUInt32LE(start, 2);
  bytes.writeUInt32LE(size, 10);
  bytes[25] = flags;
  bytes[32] = identifier.length;
  bytes.write(identifier, 33, 'latin1');
  rock.copy(bytes, 33 + identifier.length + padding);
  return bytes;
}
