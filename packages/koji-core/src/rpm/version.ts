/** Epoch, version and release; a missing epoch is 0. */
export interface Evr {
  readonly epoch?: number | string | null;
  readonly version: string;
  readonly release: string;
}

/**
 * Compares two versions like rpm: runs of digits as numbers, runs of letters as text, `~` sorts before everything, `^` after
 * the same version but before a longer one.
 *
 * @returns -1, 0 or 1
 */
export function compareVersions(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0;
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    left = left.replace(/^[^a-zA-Z0-9~^]+/, '');
    right = right.replace(/^[^a-zA-Z0-9~^]+/, '');
    const special = compareSpecial(left, right);
    if (special === 'both') {
      left = left.slice(1);
      right = right.slice(1);
      continue;
    }
    if (special !== null) return special;
    if (left === '' || right === '') break;
    const isNumber = /^\d/.test(left);
    const run = isNumber ? /^\d+/ : /^[a-zA-Z]+/;
    const one = run.exec(left)?.[0] ?? '';
    const other = run.exec(right)?.[0] ?? '';
    // A number is newer than letters.
    if (other === '') return isNumber ? 1 : -1;
    const order = isNumber ? compareNumbers(one, other) : compareText(one, other);
    if (order !== 0) return order;
    left = left.slice(one.length);
    right = right.slice(other.length);
  }
  if (left === '' && right === '') return 0;
  return left === '' ? -1 : 1;
}

/** Compares epoch, then version, then release. */
export function compareEVR(a: Evr, b: Evr): -1 | 0 | 1 {
  const epochs = Number(a.epoch ?? 0) - Number(b.epoch ?? 0);
  if (epochs !== 0) return epochs < 0 ? -1 : 1;
  return compareVersions(a.version, b.version) || compareVersions(a.release, b.release);
}

/** The result of `~` and `^`; null if neither side begins with one. */
function compareSpecial(left: string, right: string): -1 | 1 | 'both' | null {
  const [l, r] = [left[0], right[0]];
  if (l === '~' || r === '~') return l !== '~' ? 1 : r !== '~' ? -1 : 'both';
  if (l !== '^' && r !== '^') return null;
  if (l === r) return 'both';
  if (left === '') return -1;
  if (right === '') return 1;
  return l === '^' ? -1 : 1;
}

function compareNumbers(a: string, b: string): -1 | 0 | 1 {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (x.length !== y.length) return x.length < y.length ? -1 : 1;
  return compareText(x, y);
}

function compareText(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
