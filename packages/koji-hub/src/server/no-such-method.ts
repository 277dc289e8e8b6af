import { GenericError } from '@koji/core';

/** A call of a method that the hub does not have. */
export class NoSuchMethod extends GenericError {
  constructor(method: string) {
    super(`Invalid method: ${method}`);
  }
}
