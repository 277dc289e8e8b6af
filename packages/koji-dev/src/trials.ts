/** Something that a plugin brings, and how to try it. */
export interface Trial {
  /** `method greet(who)`. */
  readonly brings: string;
  /** A command of `koji` that runs it; null if there is none. */
  readonly command: string | null;
}

/** The contents of a plugin, and its problems. */
export interface Description {
  readonly trials: readonly Trial[];
  /** A paragraph each. */
  readonly problems: readonly string[];
}

/** The tag that demo builds go into. */
export const demoTag = 'f44';
/** A build that is in no tag yet. */
export const demoBuild = 'zsh-5.9-1';
