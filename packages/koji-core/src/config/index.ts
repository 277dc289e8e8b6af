/// <reference types="node" preserve="true" />
export { databaseUrl } from './database-url.js';
export {
  listProfileSettings,
  listProfiles,
  readClientConfig,
  readHubConfig,
  readKojidConfig,
} from './files.js';
export type { ClientSource, HubConfig, Profile, ProfileSetting } from './files.js';
export { Sections, parseIni } from './ini.js';
export type { IniOptions, Source } from './ini.js';
export {
  boolean,
  checked,
  choice,
  defaultText,
  describeOptions,
  effectWarnings,
  folders,
  integer,
  names,
  number,
  readOptions,
  required,
  sampleFile,
  secret,
  text,
  withoutEffect,
  words,
} from './options.js';
export type { Option, OptionDescription, OptionTable, OptionValues, SectionName } from './options.js';
export { hubOptions } from './hub-options.js';
export type { HubOptions } from './hub-options.js';
export { webOptions } from './web-options.js';
export type { SiteOptions, WebOptions } from './web-options.js';
export { readOidcSettings } from './oidc-settings.js';
export type { OidcPlace, OidcSettings } from './oidc-settings.js';
export { isReference, readSecret } from './secret-file.js';
export { kojidOptions } from './kojid-options.js';
export type { KojidOptions } from './kojid-options.js';
export { clientOptions } from './koji-options.js';
export type { ClientOptions } from './koji-options.js';
