import type { BuildInfo, HostInfo, Named, TagInfo, TaskInfo, UserInfo } from '@koji/core/api';

/** The things that have pages which panels can be on. */
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

/** The name of a thing that panels can be on. */
export type WebThing = keyof WebThings;

/** How a page is added. */
export interface WebPageMark {
  /** Its name in addresses, such as `checks` for `/koji/checks`. */
  readonly name: string;
  /** Its heading. */
  readonly title: string;
  /** Whether the menu has an entry for it. Default: no. */
  readonly menu?: boolean;
}

/** How a panel is added. */
export interface WebPanelMark<T extends WebThing = WebThing> {
  /** The thing on whose pages it is. */
  readonly on: T;
  /** Its heading. */
  readonly title: string;
}
