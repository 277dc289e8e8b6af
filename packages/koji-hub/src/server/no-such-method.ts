import { GenericError } from '@koji/core';

/** A call of an unknown method. */
export class NoSuchMethod extends GenericError {
  constructor(method: string) {
    super(`Invalid method: ${method}`);
  }
}
