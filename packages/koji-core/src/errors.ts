import { withoutSecrets } from './secrets.js';

/** Something wrong in a configuration file, option or argument of a command; the message names file, key and value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** The message of anything thrown, for a log line; errors keep their class name unless it says nothing. */
export function messageOf(error: unknown): string {
  return withoutSecrets(textOf(error));
}

function textOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    const { name, message } = error as { name?: string; message: unknown };
    return name && name !== 'Error' ? `${name}: ${String(message)}` : String(message);
  }
  return String(error);
}
