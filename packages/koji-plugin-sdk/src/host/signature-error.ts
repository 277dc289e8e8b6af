import { GenericError } from '@koji/core';

/** Why a function can't be called from the wire. */
export class SignatureError extends GenericError {
  override name = 'SignatureError';
}
