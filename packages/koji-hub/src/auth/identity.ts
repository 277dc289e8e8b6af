import type { DistinguishedName } from './distinguished-names.js';

/** Identity of a client from its transport (Kerberos or a verified certificate), or the reason why it is unknown. */
export type Identity =
  | { readonly kind: 'principal'; readonly principal: string }
  | { readonly kind: 'certificate'; readonly subject: DistinguishedName }
  | {
      readonly kind: 'none';
      /** Like SSL_CLIENT_VERIFY of mod_ssl: `NONE`, or `FAILED:` and the reason; `None` without TLS. */
      readonly why: string;
    };

/** The identity of a client without TLS. */
export const unknownIdentity: Identity = { kind: 'none', why: 'None' };
