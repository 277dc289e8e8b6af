/** What a check of `koji doctor` found. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly text: string;
  /** What to do; null if there is nothing to do. */
  readonly remedy: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

type Details = Finding['details'];

/** Returns that all is well. */
export function ok(check: string, text: string, details: Details = {}): Finding {
  return { check, status: 'ok', text, remedy: null, details };
}

/** Returns what may become a problem, or surprise the user. */
export function warning(check: string, text: string, remedy: string, details: Details = {}): Finding {
  return { check, status: 'warning', text, remedy, details };
}

/** Returns what keeps commands from working. */
export function problem(check: string, text: string, remedy: string, details: Details = {}): Finding {
  return { check, status: 'problem', text, remedy, details };
}
