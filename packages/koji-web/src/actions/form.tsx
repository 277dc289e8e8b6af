import type { FC } from 'hono/jsx';
import { tokenField } from '../login/forms.js';

/** The problem of a form, above its fields. */
export const Problem: FC<{ text: string | null | undefined }> = ({ text }) =>
  text ? (
    <div class="problem" role="alert">
      {text.split('\n').map((line) => (
        <p>
          <bdi>{line}</bdi>
        </p>
      ))}
    </div>
  ) : null;

/** The token that shows that a page of this site sent a form. */
export const Token: FC<{ token: string }> = ({ token }) => (
  <input type="hidden" name={tokenField} value={token} />
);
