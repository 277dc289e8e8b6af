/** Exit codes of the command. Those of Koji are 0, 1 and 2; the others tell apart what its 1 does not. */
export const exitCodes = {
  /** Something failed, or the command was interrupted. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** `koji wait`: a task was canceled and none failed. */
  canceled: 3,
  /** The hub could not be reached for too long while a command waited: what it waited for may have ended or not. */
  unreachable: 4,
  /** `koji wait`: the time was over. */
  timedOut: 5,
  /** `koji wait`: interrupted by Ctrl-C. */
  interrupted: 130,
} as const;
