/** Finding of a check of `koji doctor`. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly text: string;
  /** Remedy; null if none is needed. */
  readonly remedy: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

type Details = Finding['details'];

/** Returns a finding that everything is fine. */
export function ok(check: string, text: string, details: Details = {}): Finding {
  return { check, status: 'ok', text, remedy: null, details };
}

/** Returns a finding that may become a problem, or surprise the user. */
export function warning(check: string, text: string, remedy: string, details: Details = {}): Finding {
  return { check, status: 'warning', text, remedy, details };
}

/** Returns a finding that prevents commands from working. */
export function problem(check: string, text: string, remedy: string, details: Details = {}): Finding {
  return { check, status: 'problem', text, remedy, details };
}
