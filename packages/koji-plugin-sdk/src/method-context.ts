/** The part of a standard decorator's context that markers use. */
export interface MethodContext {
  /** Always `method`: other things can't be marked. */
  readonly kind: 'method';
  /** The method's name. */
  readonly name: string | symbol;
}
