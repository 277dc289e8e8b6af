import type { DistinguishedName } from './distinguished-names.js';

/** Who a client is by its transport: by Kerberos, or by a certificate that was verified; or why that is not known. */
export type Identity =
  | { readonly kind: 'principal'; readonly principal: string }
  | { readonly kind: 'certificate'; readonly subject: DistinguishedName }
  | {
      readonly kind: 'none';
      /** As mod_ssl puts it in SSL_CLIENT_VERIFY: `NONE`, or `FAILED:` and the reason; `None` without TLS. */
      readonly why: string;
    };

/** The identity of a client without TLS. */
export const unknownIdentity: Identity = { kind: 'none', why: 'None' };
