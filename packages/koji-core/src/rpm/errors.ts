/** The file is not an RPM, or is damaged; the message describes the problem and its location. */
export class RpmError extends Error {
  override name = 'RpmError';
}
