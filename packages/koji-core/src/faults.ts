import util from 'node:util';
import { withoutSecrets } from './secrets.js';

const brand = Symbol.for('koji.fault');

/**
 * A fault: an error with one of Koji's codes, which is sent to clients. `instanceof` also works for faults of a second copy of
 * this package, and a subclass is an instance of its parents. Fault 1000.
 */
export class GenericError extends Error {
  static readonly faultCode: number = 1000;
  override name = 'GenericError';

  get faultCode(): number {
    return (this.constructor as typeof GenericError).faultCode;
  }

  get [brand](): string[] {
    const names: string[] = [];
    for (let c = this.constructor; c !== Error; c = Object.getPrototypeOf(c) as typeof this.constructor)
      names.push(c.name);
    return names;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(brand in value)) return false;
    return (value as { [brand]: string[] })[brand].includes(this.name);
  }
}

/** Lock conflict. Fault 1001. */
export class LockError extends GenericError {
  static override readonly faultCode: number = 1001;
  override name = 'LockError';
}

/** Authentication failed. Fault 1002. */
export class AuthError extends GenericError {
  static override readonly faultCode: number = 1002;
  override name = 'AuthError';
}

/** Tagging rejected. Fault 1003. */
export class TagError extends GenericError {
  static override readonly faultCode: number = 1003;
  override name = 'TagError';
}

/** Caller lacks the right. Fault 1004. */
export class ActionNotAllowed extends GenericError {
  static override readonly faultCode: number = 1004;
  override name = 'ActionNotAllowed';
}

/** Build failed. Fault 1005. */
export class BuildError extends GenericError {
  static override readonly faultCode: number = 1005;
  override name = 'BuildError';
}

/** Another session holds the exclusive lock. Fault 1006. */
export class AuthLockError extends AuthError {
  static override readonly faultCode: number = 1006;
  override name = 'AuthLockError';
}

/** Session expired. Fault 1007. */
export class AuthExpired extends AuthError {
  static override readonly faultCode: number = 1007;
  override name = 'AuthExpired';
}

/** Call number went backwards. Fault 1008. */
export class SequenceError extends AuthError {
  static override readonly faultCode: number = 1008;
  override name = 'SequenceError';
}

/** Repeated call that already committed. Fault 1009. */
export class RetryError extends AuthError {
  static override readonly faultCode: number = 1009;
  override name = 'RetryError';
}

/** Check before the build failed. Fault 1010. */
export class PreBuildError extends BuildError {
  static override readonly faultCode: number = 1010;
  override name = 'PreBuildError';
}

/** Check after the build failed. Fault 1011. */
export class PostBuildError extends BuildError {
  static override readonly faultCode: number = 1011;
  override name = 'PostBuildError';
}

/** Buildroot problem. Fault 1012. */
export class BuildrootError extends BuildError {
  static override readonly faultCode: number = 1012;
  override name = 'BuildrootError';
}

/** Call no longer served. Fault 1013. */
export class FunctionDeprecated extends GenericError {
  static override readonly faultCode: number = 1013;
  override name = 'FunctionDeprecated';
}

/** Hub offline or locked out. Fault 1014. */
export class ServerOffline extends GenericError {
  static override readonly faultCode: number = 1014;
  override name = 'ServerOffline';
}

/** Livecd creation failed. Fault 1015. */
export class LiveCDError extends GenericError {
  static override readonly faultCode: number = 1015;
  override name = 'LiveCDError';
}

/** Plugin problem. Fault 1016. */
export class PluginError extends GenericError {
  static override readonly faultCode: number = 1016;
  override name = 'PluginError';
}

/** Plugin callback raised. Fault 1017. */
export class CallbackError extends PluginError {
  static override readonly faultCode: number = 1017;
  override name = 'CallbackError';
}

/** Appliance creation failed. Fault 1018. */
export class ApplianceError extends GenericError {
  static override readonly faultCode: number = 1018;
  override name = 'ApplianceError';
}

/** Bad call arguments. Fault 1019. */
export class ParameterError extends GenericError {
  static override readonly faultCode: number = 1019;
  override name = 'ParameterError';
}

/** Import failed. Fault 1020. */
export class ImportError extends GenericError {
  static override readonly faultCode: number = 1020;
  override name = 'ImportError';
}

/** Config could not be loaded. Fault 1021. */
export class ConfigurationError extends GenericError {
  static override readonly faultCode: number = 1021;
  override name = 'ConfigurationError';
}

/** Livemedia creation failed. Fault 1022. */
export class LiveMediaError extends GenericError {
  static override readonly faultCode: number = 1022;
  override name = 'LiveMediaError';
}

/** GSSAPI login failed (raised in the client). Fault 1023. */
export class GSSAPIAuthError extends AuthError {
  static override readonly faultCode: number = 1023;
  override name = 'GSSAPIAuthError';
}

/** Bad name; reserved, not raised in this version. Fault 1024. */
export class NameValidationError extends GenericError {
  static override readonly faultCode: number = 1024;
  override name = 'NameValidationError';
}

/** Every fault class by name, parents before children. */
export const faults = {
  GenericError,
  LockError,
  AuthError,
  TagError,
  ActionNotAllowed,
  BuildError,
  AuthLockError,
  AuthExpired,
  SequenceError,
  RetryError,
  PreBuildError,
  PostBuildError,
  BuildrootError,
  FunctionDeprecated,
  ServerOffline,
  LiveCDError,
  PluginError,
  CallbackError,
  ApplianceError,
  ParameterError,
  ImportError,
  ConfigurationError,
  LiveMediaError,
  GSSAPIAuthError,
  NameValidationError,
} as const;

/** The name of a fault class. */
export type FaultName = keyof typeof faults;

const byCode = new Map<number, typeof GenericError>(
  Object.values(faults).map((fault) => [fault.faultCode, fault]),
);

/** A received fault whose code is not one of Koji's: code 1 is an internal error of the hub, others are foreign. */
export class UnknownFault extends Error {
  override name = 'Fault';

  constructor(
    readonly faultCode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Returns the error for a fault's code and text. */
export function faultFromWire(code: number, text: string): GenericError | UnknownFault {
  const Fault = byCode.get(code);
  return Fault ? new Fault(text) : new UnknownFault(code, text);
}

/** Returns the code and text to send for an error: those of a fault, otherwise code 1 with the error's class and message. */
export function faultToWire(error: unknown): { faultCode: number; faultString: string } {
  const { faultCode, faultString } = wireOf(error);
  return { faultCode, faultString: withoutSecrets(faultString) };
}

function wireOf(error: unknown): { faultCode: number; faultString: string } {
  if (error instanceof GenericError) return { faultCode: error.faultCode, faultString: error.message };
  if (error instanceof UnknownFault) return { faultCode: error.faultCode, faultString: error.message };
  if (util.types.isNativeError(error))
    return { faultCode: 1, faultString: `${error.name}: ${error.message}` };
  return { faultCode: 1, faultString: String(error) };
}
