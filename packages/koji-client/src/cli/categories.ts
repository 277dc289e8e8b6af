/** The headings of `koji help`. */
export const categories = {
  admin: 'admin commands',
  bind: 'bind commands',
  build: 'build commands',
  download: 'download commands',
  info: 'info commands',
  misc: 'miscellaneous commands',
  monitor: 'monitor commands',
  search: 'search commands',
} as const;

export type Category = keyof typeof categories;
