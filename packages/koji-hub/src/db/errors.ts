/** A statement that the database refused; `cause` is the driver's error. */
export class DatabaseError extends Error {
  override name = 'DatabaseError';
}

/** The database can't be reached, or ended the connection. The call may be tried again later. */
export class DatabaseUnavailable extends DatabaseError {
  override name = 'DatabaseUnavailable';
}

/** The rule of the schema that a statement violated. */
export type ConstraintKind = 'unique' | 'foreign key' | 'check' | 'not null';

/** A statement broke a rule of the schema. Its names are empty where the database does not tell them. */
export class ConstraintViolation extends DatabaseError {
  override name = 'ConstraintViolation';

  constructor(
    readonly kind: ConstraintKind,
    readonly place: { table: string; columns: readonly string[]; constraint: string },
    cause: unknown,
  ) {
    const at = place.columns.length > 0 ? ` (${place.columns.join(', ')})` : '';
    super(`${kind} rule ${place.constraint || 'of'} ${place.table}${at} broken`, { cause });
  }
}

/** A row with the same key already exists. `columns` are those of the key, on both databases. */
export class UniqueViolation extends ConstraintViolation {
  override name = 'UniqueViolation';

  constructor(place: { table: string; columns: readonly string[]; constraint: string }, cause: unknown) {
    super('unique', place, cause);
  }
}

/** Two transactions got into each other's way and this one lost: it may be run again from its start. */
export class TransactionConflict extends DatabaseError {
  override name = 'TransactionConflict';
}

/** An earlier statement of this transaction failed, so none of it can be kept; `cause` is the error. */
export class TransactionFailed extends DatabaseError {
  override name = 'TransactionFailed';
}
