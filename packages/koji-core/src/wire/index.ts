export { RowEncoder } from './encode-rows.js';
export type { RowColumn } from './encode-rows.js';
export { EncodedRows, RowStream } from './row-stream.js';
export { DateTime, Double, double } from './values.js';
export type { WireStruct, WireValue } from './values.js';
export { decodeArgs, encodeArgs, isNamed, named, splitNamed } from './named-args.js';
export type { NamedArgs } from './named-args.js';
export { EncodeError, WireError } from './errors.js';
export {
  decodeCall,
  decodeCallInTurns,
  decodeMessage,
  decodeResponse,
  decodeResponseFrom,
} from './decode.js';
export type { DecodeFromOptions, DecodeOptions, WireMessage } from './decode.js';
export type { DecodeLimits } from './document.js';
export {
  encodeCall,
  encodeFault,
  encodeResponse,
  encodeResponseChunks,
  encodeResponseStream,
  encodeValueStream,
  responseFrame,
} from './encode.js';
export type { Chunk } from './encode.js';
export { decodeJsonInTurns } from './json-decode.js';
export type { JsonLimits } from './json-decode.js';
export { encodeJson, encodeJsonStream } from './json-encode.js';
