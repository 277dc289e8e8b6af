/** Limits of a document; exceeding one is a {@link WireError} of kind `unsupported`. */
export interface DecodeLimits {
  /** Depth of nested arrays and structs; 512, slightly more than Koji's own encoder supports. */
  depth: number;
  /** Total number of values and struct keys; 50 million. */
  values: number;
  /** Members of one struct; 200,000. */
  keys: number;
  /** Attributes of one element; 64. */
  attributes: number;
  /** Length of an element's name; 256. */
  nameLength: number;
}

/** Contents of a document. */
export interface Document {
  method: string | undefined;
  params: unknown[];
  isFault: boolean;
}

/** Options of decoding a document. */
export interface DecoderSettings {
  readonly limits: DecodeLimits;
  readonly exactDoubles: boolean;
  /** Replaces each value of the outermost array. */
  readonly mapRow?: ((row: unknown) => unknown) | undefined;
  /** Whether the text is only the beginning of a document: see `resume`. */
  readonly piecewise?: boolean;
}
