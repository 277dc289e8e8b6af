/** Fields of forms. Each shows what the form's input has for its name. */
import type { Child, FC } from 'hono/jsx';
import type { Input } from './action.js';

interface FieldProps {
  readonly input: Input;
  readonly name: string;
  readonly label: string;
  readonly hint?: Child;
}

const Hint: FC<{ name: string; hint: Child | undefined }> = ({ name, hint }) =>
  hint === undefined ? null : (
    <p class="hint" id={`${name}-hint`}>
      {hint}
    </p>
  );

const hintOf = ({ name, hint }: FieldProps): string | undefined =>
  hint === undefined ? undefined : `${name}-hint`;

interface TextProps extends FieldProps {
  readonly required?: boolean;
  readonly type?: 'text' | 'number' | 'password';
  readonly autocomplete?: string;
}

/** A line of text. */
export const TextField: FC<TextProps> = (props) => {
  const { input, name, label, required = false, type = 'text', autocomplete = 'off' } = props;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        // A password does not come back.
        value={type === 'password' ? undefined : (input.get(name) ?? '')}
        required={required}
        maxlength={4000}
        step={type === 'number' ? 'any' : undefined}
        autocomplete={autocomplete}
        autocapitalize="none"
        spellcheck={false}
        aria-describedby={hintOf(props)}
      />
      <Hint name={name} hint={props.hint} />
    </div>
  );
};

/** Some lines of text. */
export const LongField: FC<FieldProps> = (props) => (
  <div class="field">
    <label for={props.name}>{props.label}</label>
    <textarea id={props.name} name={props.name} rows={3} maxlength={4000} aria-describedby={hintOf(props)}>
      {props.input.get(props.name) ?? ''}
    </textarea>
    <Hint name={props.name} hint={props.hint} />
  </div>
);

/** Yes or no. */
export const CheckField: FC<FieldProps> = (props) => (
  <div class="field check">
    <input
      id={props.name}
      name={props.name}
      type="checkbox"
      value="1"
      checked={props.input.get(props.name) === '1'}
      aria-describedby={hintOf(props)}
    />
    <label for={props.name}>{props.label}</label>
    <Hint name={props.name} hint={props.hint} />
  </div>
);

interface SelectProps extends FieldProps {
  readonly options: readonly (readonly [value: string, text: string])[];
}

/** One of several values. */
export const SelectField: FC<SelectProps> = (props) => (
  <div class="field">
    <label for={props.name}>{props.label}</label>
    <select id={props.name} name={props.name} aria-describedby={hintOf(props)}>
      {props.options.map(([value, text]) => (
        <option value={value} selected={value === (props.input.get(props.name) ?? '')}>
          {text}
        </option>
      ))}
    </select>
    <Hint name={props.name} hint={props.hint} />
  </div>
);

/** Any of several values. */
export const ChoicesField: FC<SelectProps> = ({ input, name, label, options, hint }) => {
  const chosen = new Set(input.getAll(name));
  return (
    <fieldset class="field">
      <legend>{label}</legend>
      {options.map(([value, text]) => (
        <label class="one">
          <input type="checkbox" name={name} value={value} checked={chosen.has(value)} /> <bdi>{text}</bdi>
        </label>
      ))}
      <Hint name={name} hint={hint} />
    </fieldset>
  );
};
