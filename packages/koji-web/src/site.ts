/** Name of a site, and the locations of its other parts. */
export interface Site {
  /** In titles and the feed. */
  readonly name: string;
  /** Heading of the overview. */
  readonly greeting: string;
  /** Base of links to files of the store, relative to a page or absolute; without a slash at its end. */
  readonly filesUrl: string;
  /** Ids of users whose tasks the overview hides. */
  readonly hiddenUsers: readonly number[];
  /** More methods for the filter of the list of tasks. */
  readonly taskMethods: readonly string[];
  /** More methods whose tasks have subtasks. */
  readonly parentTasks: readonly string[];
  /** Additional menu entries. */
  readonly menu?: readonly { readonly title: string; readonly href: string }[];
}
