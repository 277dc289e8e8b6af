import { createHash } from 'node:crypto';
import { KOJI_VERSION } from '@koji/core';
import { openRpc } from '@koji/core/api';
import type { Hub, ServedMethod } from '../call.js';

/** The OpenRPC document of a hub, made when it is first asked for and again after plugins were reloaded. */
export class ApiDescription {
  private methods: ReadonlyMap<string, ServedMethod> | null = null;
  private made = { text: Buffer.alloc(0), etag: '' };

  constructor(private readonly hub: Pick<Hub, 'methods'>) {}

  /** Returns the document as JSON in UTF-8. */
  current(): { readonly text: Buffer; readonly etag: string } {
    const { methods } = this.hub;
    if (this.methods === methods) return this.made;
    const declared = new Map([...methods].map(([name, method]) => [name, method.declared]));
    const text = Buffer.from(JSON.stringify(openRpc(declared, KOJI_VERSION)));
    const etag = `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`;
    this.made = { text, etag };
    this.methods = methods;
    return this.made;
  }
}
