/** The realm of the KDC. */
export declare const realm: string;

/** Why no KDC can be started here; null when one can. */
export declare function kdcProblem(): string | null;

/** A KDC of MIT's, with a realm of its own. */
export interface Kdc {
  /** For programs that use it; each has its own caches there. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a principal, and a keytab with its key. */
  addPrincipal(name: string, keytab: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a KDC whose files are in a folder. */
export declare function startKdc(folder: string): Promise<Kdc>;
