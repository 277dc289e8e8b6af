import { withoutSecrets } from './secrets.js';

/** An error in a configuration file, option or command-line argument; the message names file, key and value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Returns the message of any thrown value for a log line, with the class name of an error unless it is generic. */
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
