/** Effect of the end of an element. */
export const enum Kind {
  other,
  value,
  nil,
  boolean,
  integer,
  double,
  string,
  base64,
  dateTime,
  methodName,
  array,
  struct,
  params,
  fault,
}

const kinds = new Map<string, Kind>([
  ['value', Kind.value],
  ['nil', Kind.nil],
  ['boolean', Kind.boolean],
  ['i1', Kind.integer],
  ['i2', Kind.integer],
  ['i4', Kind.integer],
  ['i8', Kind.integer],
  ['int', Kind.integer],
  ['biginteger', Kind.integer],
  ['double', Kind.double],
  ['float', Kind.double],
  ['bigdecimal', Kind.double],
  ['string', Kind.string],
  ['name', Kind.string],
  ['base64', Kind.base64],
  ['dateTime.iso8601', Kind.dateTime],
  ['methodName', Kind.methodName],
  ['array', Kind.array],
  ['struct', Kind.struct],
  ['params', Kind.params],
  ['fault', Kind.fault],
]);

/** Whether an element's text is its value. */
export const holdsText = (kind: Kind): boolean => kind >= Kind.boolean && kind <= Kind.methodName;

/** Returns the effect of the end of an element with this name, in any namespace. */
export const kindOf = (name: string): Kind =>
  kinds.get(name) ?? kinds.get(name.slice(name.lastIndexOf(':') + 1)) ?? Kind.other;
