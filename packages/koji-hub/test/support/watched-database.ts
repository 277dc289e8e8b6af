import type { Connection, Database } from '../../src/db/connection.js';
import type { Sql } from '../../src/db/sql.js';

/** The same database, which reports every query. */
export function watched(database: Database, heard: (query: Sql) => void): Database {
  const asking = new Set<PropertyKey>(['all', 'get', 'lookup', 'run', 'iterate']);
  const listening = (db: Connection): Connection =>
    new Proxy(db, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (asking.has(name)) heard(args[0] as Sql);
          return Reflect.apply(member, target, args);
        };
      },
    });
  return Object.assign(Object.create(database) as Database, {
    read: <T>(work: (db: Connection) => Promise<T>) => database.read((db) => work(listening(db))),
    write: <T>(work: (db: Connection) => Promise<T>) => database.write((db) => work(listening(db))),
  });
}
