const modulus = 65_521;
/** So many bytes can be added before a sum could pass 31 bits, which V8 adds faster; a multiple of four. */
const run = 3800;

/** The Adler-32 checksum, which Koji's clients use for chunks; as 8 hex digits. */
export class Adler32 {
  private a = 1;
  private b = 0;

  update(data: Uint8Array): this {
    let { a, b } = this;
    for (let i = 0; i < data.length;) {
      const end = Math.min(i + run, data.length);
      // Four bytes at a time, most of whose sums need not wait for each other.
      for (; i + 4 <= end; i += 4) {
        const c = data[i] as number;
        const d = data[i + 1] as number;
        const e = data[i + 2] as number;
        const f = data[i + 3] as number;
        b += 4 * (a + c) + 3 * d + 2 * e + f;
        a += c + d + e + f;
      }
      for (; i < end; i++) {
        a += data[i] as number;
        b += a;
      }
      a %= modulus;
      b %= modulus;
    }
    this.a = a;
    this.b = b;
    return this;
  }

  hex(): string {
    return ((this.b * 65_536 + this.a) >>> 0).toString(16).padStart(8, '0');
  }
}
