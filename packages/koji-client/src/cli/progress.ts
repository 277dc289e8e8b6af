import type { UploadProgress } from '../upload.js';

const bar = (share: number): string => '='.repeat(Math.trunc(share * 36)).padEnd(36);

/** Returns the line of an upload's progress bar, without what ends it. */
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

/** Returns the line of a download's progress bar, without what ends it; a `total` of 0 is an unknown size. */
export function downloadLine(done: number, total: number, knownSize: boolean): string {
  const share = total === 0 ? 0 : done / total;
  const percent = total === 0 ? '???%' : `${String(Math.trunc(share * 100)).padStart(3)}%`;
  const size = knownSize ? `${sizeText(done)} / ${sizeText(total)}` : sizeText(done);
  return `[${bar(share)}] ${percent.padStart(4)} ${size.padStart(10)}`;
}

/** Returns bytes as people read them: `1.25 MiB`. */
export function sizeText(size: number): string {
  if (size >= 2 ** 30) return `${(size / 2 ** 30).toFixed(2)} GiB`;
  if (size >= 2 ** 20) return `${(size / 2 ** 20).toFixed(2)} MiB`;
  if (size >= 2 ** 10) return `${(size / 2 ** 10).toFixed(2)} KiB`;
  return `${size.toFixed(2)} B`;
}

/** Returns seconds as `HH:MM:SS`. */
export function timeText(seconds: number): string {
  const two = (n: number): string => String(Math.trunc(n)).padStart(2, '0');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}
