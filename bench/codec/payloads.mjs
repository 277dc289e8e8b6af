import { double } from '../../packages/koji-core/dist/wire/index.js';

const time = (i) =>
  `2024-03-${String((i % 28) + 1).padStart(2, '0')} 12:34:56.${String(100000 + i).slice(0, 6)}+00:00`;

/** A row as getBuild answers it: 25 fields. */
const build = (i) => ({
  build_id: i,
  cg_id: null,
  cg_name: null,
  completion_time: time(i),
  completion_ts: 1711111111.25 + i,
  creation_event_id: 1000 + i,
  creation_time: time(i),
  creation_ts: 1711111000.5 + i,
  draft: false,
  epoch: i % 3 ? null : 1,
  extra: {
    source: {
      original_url: `git+https://src.example.org/rpms/package-${i}.git#${'0123456789abcdef'.repeat(2)}`,
    },
  },
  id: i,
  name: `package-${i}`,
  nvr: `package-${i}-1.${i}-1.el9`,
  owner_id: 7,
  owner_name: 'builder-account',
  package_id: 5000 + i,
  package_name: `package-${i}`,
  promoter_id: null,
  release: '1.el9',
  source: `git+https://src.example.org/rpms/package-${i}.git`,
  start_time: time(i),
  start_ts: double(1711111000),
  state: 1,
  version: `1.${i}`,
});

/** A row as listRPMs answers it: 17 fields, sizes past 32 bits now and then. */
const rpm = (i) => ({
  arch: i % 2 ? 'x86_64' : 'noarch',
  build_id: Math.floor(i / 5),
  buildroot_id: i % 7 ? 900 + i : null,
  buildtime: 1711111111 + i,
  draft: false,
  epoch: null,
  external_repo_id: 0,
  external_repo_name: 'INTERNAL',
  extra: null,
  id: i,
  metadata_only: false,
  name: `package-${i}-subpackage`,
  nvr: `package-${i}-subpackage-1.${i}-1.el9`,
  payloadhash: '0123456789abcdef0123456789abcdef',
  release: '1.el9',
  size: i % 3 ? 12345 + i : 3_000_000_000 + i,
  version: `1.${i}`,
});

const phrases = [
  'plain words of a changelog entry',
  'a < b && c > d',
  'příliš žluťoučký kůň',
  'smile \u{1f600} & <tag>',
];
const text = (i) => `${i} ${`${phrases[i % phrases.length]}; `.repeat(8)}`;

const list = (count, make) => Array.from({ length: count }, (_, i) => make(i));

/** The measured payloads: calls contain params, responses one value. */
export const payloads = {
  getBuildCall: { call: 'getBuild', params: ['package-1-1.1-1.el9', { strict: true, __starstar: true }] },
  getBuild: { value: build(1) },
  builds1000: { value: list(1000, build) },
  rpms10000: { value: list(10_000, rpm) },
  strings1k: { value: list(1000, text) },
  base64: { value: Buffer.alloc(1 << 20, 'not quite random bytes') },
};
