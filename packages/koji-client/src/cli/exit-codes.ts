/** Exit codes of the command. Koji uses 0, 1 and 2; the others distinguish cases of its 1. */
export const exitCodes = {
  /** Something failed, or the command was interrupted. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** `koji wait`: a task was canceled and none failed. */
  canceled: 3,
  /** The hub was unreachable for too long while a command waited, so the result is unknown. */
  unreachable: 4,
  /** `koji wait`: timed out. */
  timedOut: 5,
  /** `koji wait`: interrupted by Ctrl-C. */
  interrupted: 130,
} as const;
