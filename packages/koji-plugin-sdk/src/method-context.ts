/** The part of a standard decorator's context that markers use. */
export interface MethodContext {
  /** Always `method`, since only methods can be marked. */
  readonly kind: 'method';
  /** The method's name. */
  readonly name: string | symbol;
}
