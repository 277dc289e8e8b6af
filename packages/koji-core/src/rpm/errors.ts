/** A file is no RPM, or is damaged; the message says what is wrong and where. */
export class RpmError extends Error {
  override name = 'RpmError';
}
