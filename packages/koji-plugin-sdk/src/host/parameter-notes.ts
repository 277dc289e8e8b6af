import { isMinified, lacksDeclarations, optionalParameters } from './optional-parameters.js';
import type { OptionalParameters } from './optional-parameters.js';
import type { Parameter } from './parameters.js';

const remedy =
  "give those that may be left out a default (`= undefined`), or declare them: exported({ args: ['a', 'b?'] })";

/** Reads which parameters of a plugin's functions may be left out, and notes what can't be told. */
export class ParameterNotes {
  private readonly types: OptionalParameters | null;
  private readonly untold: string[] = [];
  private readonly shortened: string[] = [];
  private readonly nameless: boolean;

  constructor(private readonly file: string) {
    this.types = optionalParameters(file);
    this.nameless = isMinified(file);
  }

  /** For the function, or the class with the handler, of a name. */
  reader(owner: string): (parameters: readonly Parameter[]) => ReadonlySet<string> {
    return (parameters) => {
      const optional = this.types?.of(owner, parameters) ?? null;
      if (optional) return optional;
      this.untold.push(owner);
      const names = parameters.flatMap((one) => (one.kind === 'name' ? [one.name] : []));
      if (this.nameless && names.every((name) => name.length < 3))
        this.shortened.push(`${owner}(${names.join(', ')})`);
      return new Set();
    };
  }

  notes(): string[] {
    const isTold = this.untold.length === 0 || (!this.types && !lacksDeclarations(this.file));
    const why = this.types
      ? 'its types have none or several functions of these parameters'
      : 'it has no .d.ts';
    return [
      ...(isTold
        ? []
        : [
            `whether parameters of ${this.untold.join(', ')} may be left out can't be told, since ${why}: ${remedy}`,
          ]),
      ...(this.shortened.length === 0
        ? []
        : [
            `it is minified, and callers would have to know the names in ${this.shortened.join(', ')}: say other ones, exported({ args: ['a', 'b?'] })`,
          ]),
    ];
  }
}
