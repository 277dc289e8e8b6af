import type { BuildInfo, HostInfo, Named, TagInfo, TaskInfo, UserInfo } from '@koji/core/api';

/** The objects whose pages can have panels. */
export interface WebThings {
  /** The build. */
  readonly build: BuildInfo;
  /** The task. */
  readonly task: TaskInfo;
  /** The tag. */
  readonly tag: TagInfo;
  /** The package. */
  readonly package: Named;
  /** The host. */
  readonly host: HostInfo;
  /** The user. */
  readonly user: UserInfo;
}

/** The name of an object whose pages can have panels. */
export type WebThing = keyof WebThings;

/** Options of a page. */
export interface WebPageMark {
  /** The name in addresses, such as `checks` for `/koji/checks`. */
  readonly name: string;
  /** The heading. */
  readonly title: string;
  /** Whether the menu has an entry for it. Default: no. */
  readonly menu?: boolean;
}

/** Options of a panel. */
export interface WebPanelMark<T extends WebThing = WebThing> {
  /** The kind of object on whose pages it is shown. */
  readonly on: T;
  /** The heading. */
  readonly title: string;
}
