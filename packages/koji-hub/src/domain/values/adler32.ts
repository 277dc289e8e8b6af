const modulus = 65_521;
/** So many bytes can be added before a sum could pass 32 bits. */
const run = 5552;

/** The Adler-32 checksum, which Koji's clients use for chunks; as 8 hex digits. */
export class Adler32 {
  private a = 1;
  private b = 0;

  update(data: Uint8Array): this {
    let { a, b } = this;
    for (let start = 0; start < data.length; start += run) {
      const end = Math.min(start + run, data.length);
      for (let i = start; i < end; i++) {
        a += data[i] ?? 0;
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
