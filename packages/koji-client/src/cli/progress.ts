import type { UploadProgress } from '../upload.js';

const bar = (share: number): string => '='.repeat(Math.trunc(share * 36)).padEnd(36);

/** Returns the line of an upload's progress bar, without a line end. */
export function uploadLine({ done, total, piece, pieceTime, time }: UploadProgress): string {
  const share = total === 0 ? 0 : done / total;
  const percent = `${String(Math.trunc(share * 100)).padStart(2, '0')}%`;
  const rate = done === total ? total / time : piece / pieceTime;
  const speed = pieceTime > 0 ? `${sizeText(rate)}/sec` : '- B/sec';
  const columns = [
    percent.padStart(4),
    timeText(time).padStart(8),
    sizeText(done).padStart(10),
    speed.padStart(14),
  ];
  return `[${bar(share)}] ${columns.join(' ')}`;
}

/** Returns the line of a download's progress bar, without a line end; a `total` of 0 is an unknown size. */
export function downloadLine(done: number, total: number, knownSize: boolean): string {
  const share = total === 0 ? 0 : done / total;
  const percent = total === 0 ? '???%' : `${String(Math.trunc(share * 100)).padStart(3)}%`;
  const size = knownSize ? `${sizeText(done)} / ${sizeText(total)}` : sizeText(done);
  return `[${bar(share)}] ${percent.padStart(4)} ${size.padStart(10)}`;
}

/** Formats bytes for people: `1.25 MiB`. */
export function sizeText(size: number): string {
  if (size >= 2 ** 30) return `${(size / 2 ** 30).toFixed(2)} GiB`;
  if (size >= 2 ** 20) return `${(size / 2 ** 20).toFixed(2)} MiB`;
  if (size >= 2 ** 10) return `${(size / 2 ** 10).toFixed(2)} KiB`;
  return `${size.toFixed(2)} B`;
}

/** Formats seconds as `HH:MM:SS`. */
export function timeText(seconds: number): string {
  const two = (n: number): string => String(Math.trunc(n)).padStart(2, '0');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Adds up the progress of several concurrent transfers. */
export class TransferTotals {
  private readonly bytes = new Map<number, number>();
  private readonly complete = new Set<number>();

  constructor(private readonly files: number) {}

  /** Records the progress of a file. */
  update(file: number, done: number, total: number): void {
    this.bytes.set(file, done);
    if (total > 0 && done >= total) this.complete.add(file);
  }

  /** Returns a text for the end of a line: `2 of 3 files, 4.50 MiB`. */
  text(): string {
    const sum = [...this.bytes.values()].reduce((all, done) => all + done, 0);
    return `${this.complete.size} of ${this.files} files, ${sizeText(sum)}`;
  }
}

/** Seconds over which the speed of a transfer is measured. */
const window = 5;
/** Minimum seconds between two lines. */
const lineInterval = 0.1;

/** Measures transfers for a line about them. */
export class TransferMeter {
  private samples: { readonly time: number; readonly done: number }[] = [];
  private shown = -Infinity;

  /** `now` returns seconds. */
  constructor(private readonly now: () => number = () => performance.now() / 1000) {}

  /**
   * Returns a line of at most `columns - 1` characters: share, bytes, speed and time left. Null if one was returned just
   * before, unless the transfer is complete. A `total` of 0 is an unknown size.
   */
  line(done: number, total: number, columns: number): string | null {
    const time = this.now();
    const last = this.samples.at(-1);
    // A part that is sent again counts from there.
    if (last && done < last.done) this.samples = [];
    this.samples.push({ time, done });
    while (this.samples.length > 2 && time - (this.samples[0]?.time ?? time) > window) this.samples.shift();
    const isComplete = total > 0 && done >= total;
    if (!isComplete && time - this.shown < lineInterval) return null;
    this.shown = time;
    const first = this.samples[0] ?? { time, done };
    const speed = time > first.time ? (done - first.done) / (time - first.time) : 0;
    const size = total > 0 ? `${sizeText(done)} / ${sizeText(total)}` : sizeText(done);
    const rate = speed > 0 ? `  ${sizeText(speed)}/s` : '';
    const left = total > done && speed > 0 ? `  ${timeText((total - done) / speed)} left` : '';
    const text = `${total > 0 ? `${String(Math.trunc((done / total) * 100)).padStart(3)}%  ` : ''}${size}${rate}${left}`;
    const room = Math.min(30, columns - 1 - text.length - 3);
    const drawn =
      total > 0 && room >= 5 ? `[${'='.repeat(Math.trunc((done / total) * room)).padEnd(room)}] ` : '';
    return `${drawn}${text}`.slice(0, Math.max(0, columns - 1));
  }
}
