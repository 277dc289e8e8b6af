import type { WaitingReasons } from '@koji/core/text';
import type { PageLimits } from '../limits.js';
import type { Guests } from '../login/guests.js';
import type { Oidc } from '../login/oidc.js';
import type { LineMarks } from '../logs/line-marks.js';
import type { Plugins } from '../plugins/run.js';

/** A web page's state between requests, all of it limited. */
export interface State {
  readonly guests: Guests | null;
  /** The provider for logins; null if there is none. */
  readonly oidc: Oidc | null;
  readonly limits: PageLimits;
  readonly lineMarks: LineMarks;
  readonly plugins: Plugins;
  readonly waiting: WaitingReasons;
}
