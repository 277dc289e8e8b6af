import util from 'node:util';
import { GenericError, faultToWire } from '@koji/core';
import type { HubOptions } from '@koji/core/config';

/** A text that XML can carry: a fault often quotes what the caller sent. */
function sendable(text: string): string {
  return text.replace(/[^\P{Cc}\t\n\r\u007f-\u009f]|[\p{Cs}\ufffe\uffff]/gu, '\ufffd');
}

/** The fault that an error becomes for its caller: Koji's own with their code and text, any other as code 1. */
export function borderFault(
  error: unknown,
  options: Pick<HubOptions, 'KojiDebug' | 'KojiTraceback'>,
): { faultCode: number; faultString: string } {
  const fault = faultToWire(error);
  const traced =
    error instanceof GenericError
      ? options.KojiDebug
      : options.KojiTraceback === 'normal' || options.KojiTraceback === 'extended';
  const stack = traced && util.types.isNativeError(error) ? error.stack : undefined;
  return { faultCode: fault.faultCode, faultString: sendable(stack ?? fault.faultString) };
}

/** The fault of a part of a multicall: as Koji, the bare message, and what Python would print in `traceback`. */
export function partFault(error: unknown): { faultCode: number; faultString: string; traceback: string[] } {
  const { faultCode, faultString } = faultToWire(error);
  const name = util.types.isNativeError(error) ? error.name : 'Error';
  const message = sendable(util.types.isNativeError(error) ? error.message : faultString);
  return { faultCode, faultString: message, traceback: [`${name}: ${message}\n`] };
}
