import type { Migration } from './migration.js';

/** A table of SQLite whose names are found by texts within them, with the text of a row in a statement or, as `NEW` or `OLD`, a trigger. */
interface Indexed {
  readonly table: string;
  readonly columns: readonly string[];
  readonly text: (row: string) => string;
  /** A source of the text besides the row itself. */
  readonly join?: (row: string) => string;
}

const rpmFile = (row: string): string =>
  `${row}.name || '-' || ${row}.version || '-' || ${row}.release || '.' || ${row}.arch || '.rpm'`;
const nvr = (row: string): string => `package.name || '-' || ${row}.version || '-' || ${row}.release`;
const itsPackage = (row: string): string => ` FROM package WHERE package.id = ${row}.pkg_id`;

const indexed: readonly Indexed[] = [
  { table: 'package', columns: ['name'], text: (row) => `${row}.name` },
  { table: 'build', columns: ['pkg_id', 'version', 'release'], text: nvr, join: itsPackage },
  { table: 'rpminfo', columns: ['name', 'version', 'release', 'arch'], text: rpmFile },
];

/** The indexes of each table: by any three letters, which may be many rows, and by whole words, which are few. */
const kinds = [
  { suffix: 'trigrams', tokenizer: 'trigram' },
  { suffix: 'words', tokenizer: 'unicode61 remove_diacritics 0' },
] as const;

const everyKind = (statement: (suffix: string) => string): string =>
  kinds.map(({ suffix }) => statement(suffix)).join('; ');

// An index has no copy of the text, so that it must be told what it forgets.
const remember = ({ table, text, join }: Indexed): string =>
  everyKind(
    (suffix) =>
      `INSERT INTO ${table}_${suffix} (rowid, text) SELECT NEW.id, ${text('NEW')}${join?.('NEW') ?? ''}`,
  );
const forget = ({ table, text, join }: Indexed): string =>
  everyKind(
    (suffix) =>
      `INSERT INTO ${table}_${suffix} (${table}_${suffix}, rowid, text)` +
      ` SELECT 'delete', OLD.id, ${text('OLD')}${join?.('OLD') ?? ''}`,
  );

const triggers = (index: Indexed): string[] => {
  const { table, columns } = index;
  return [
    `CREATE TRIGGER ${table}_names_insert AFTER INSERT ON ${table} BEGIN ${remember(index)}; END`,
    `CREATE TRIGGER ${table}_names_delete AFTER DELETE ON ${table} BEGIN ${forget(index)}; END`,
    `CREATE TRIGGER ${table}_names_update AFTER UPDATE OF ${columns.join(', ')} ON ${table}
      BEGIN ${forget(index)}; ${remember(index)}; END`,
  ];
};

const buildsOf = (row: string): string =>
  `${row}.name || '-' || build.version || '-' || build.release FROM build WHERE build.pkg_id = NEW.id`;
const renameBuilds = everyKind(
  (suffix) =>
    `INSERT INTO build_${suffix} (build_${suffix}, rowid, text) SELECT 'delete', build.id, ${buildsOf('OLD')};` +
    ` INSERT INTO build_${suffix} (rowid, text) SELECT build.id, ${buildsOf('NEW')}`,
);

const sqlite = [
  ...indexed.flatMap(({ table }) =>
    kinds.map(
      ({ suffix, tokenizer }) =>
        `CREATE VIRTUAL TABLE ${table}_${suffix} USING fts5(text, content='', columnsize=0, detail=none, tokenize='${tokenizer}')`,
    ),
  ),
  ...indexed.flatMap(triggers),
  `CREATE TRIGGER build_names_rename AFTER UPDATE OF name ON package BEGIN ${renameBuilds}; END`,
  ...kinds.flatMap(({ suffix }) => [
    `INSERT INTO package_${suffix} (rowid, text) SELECT id, name FROM package`,
    `INSERT INTO build_${suffix} (rowid, text) SELECT build.id, ${nvr('build')} FROM build JOIN package ON package.id = build.pkg_id`,
    `INSERT INTO rpminfo_${suffix} (rowid, text) SELECT id, ${rpmFile('rpminfo')} FROM rpminfo`,
  ]),
];

const postgres = [
  `CREATE TABLE build_nvr (build_id integer NOT NULL, nvr text NOT NULL, CONSTRAINT build_nvr_pkey PRIMARY KEY (build_id))`,
  `CREATE FUNCTION note_build_nvr() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
      DELETE FROM build_nvr WHERE build_id = OLD.id;
    ELSE
      INSERT INTO build_nvr (build_id, nvr) SELECT NEW.id, ${nvr('NEW')}${itsPackage('NEW')}
        ON CONFLICT (build_id) DO UPDATE SET nvr = EXCLUDED.nvr;
    END IF;
    RETURN NULL; END $$`,
  `CREATE FUNCTION note_package_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE build_nvr SET nvr = ${nvr('build').replace('package', 'NEW')} FROM build
      WHERE build.id = build_nvr.build_id AND build.pkg_id = NEW.id;
    RETURN NULL; END $$`,
  `CREATE TRIGGER build_nvr_change AFTER INSERT OR DELETE OR UPDATE OF pkg_id, version, release ON build
    FOR EACH ROW EXECUTE FUNCTION note_build_nvr()`,
  `CREATE TRIGGER build_nvr_rename AFTER UPDATE OF name ON package FOR EACH ROW EXECUTE FUNCTION note_package_name()`,
];

/**
 * Finds names by texts within them. SQLite has trigrams and words in tables of their own. PostgreSQL has trigrams of a table's own
 * columns, but the name of a build comes from two tables, so that it gets a table. Triggers keep them in step for every writer, hubs
 * of the version before among them.
 */
export const nameTexts: Migration = {
  number: 14,
  name: 'name-texts',
  postgres,
  sqlite,
  additive: true,
};
