/** What a document may hold at most; going past one of them is a {@link WireError} of kind `unsupported`. */
export interface DecodeLimits {
  /** Arrays and structs inside each other; 512, a little more than Koji's own encoder manages. */
  depth: number;
  /** Values and struct keys in all; 50 million. */
  values: number;
  /** Members of one struct; 200,000. */
  keys: number;
  /** Attributes of one element; 64. */
  attributes: number;
  /** Length of an element's name; 256. */
  nameLength: number;
}

/** What a document holds. */
export interface Document {
  method: string | undefined;
  params: unknown[];
  isFault: boolean;
}

/** How a document is decoded. */
export interface DecoderSettings {
  readonly limits: DecodeLimits;
  readonly exactDoubles: boolean;
  /** Makes what takes the place of each value of the outermost array. */
  readonly mapRow?: ((row: unknown) => unknown) | undefined;
  /** Whether the text is the begin of a document, of which more comes: see `resume`. */
  readonly piecewise?: boolean;
}
