import { hostname } from 'node:os';
import type { KojidOptions } from '@koji/core/config';
import { kojidOptions } from '@koji/core/config';
import { sendMail } from './mail.js';

/** Milliseconds between two mails, so that a repeated error does not flood mailboxes. */
const pause = 60_000;
/** Most characters in a mail; the log has the rest. */
const longest = 100_000;

/** Mails the errors in kojid's log to the addresses of `admin_emails`. */
export class AdminMail {
  private waiting = '';
  private sending: Promise<void> | null = null;
  private wake: (() => void) | null = null;
  private last = 0;
  private closed = false;

  /**
   * @param problem called with the reason if a mail could not be sent
   */
  constructor(
    private readonly to: readonly string[],
    private readonly options: KojidOptions,
    private readonly problem: (error: unknown) => void,
  ) {}

  /** Sends a log line, together with lines that arrive before the mail is sent. */
  add(line: string): void {
    if (this.closed) return;
    if (this.waiting.length < longest) this.waiting += `${line}\n`;
    this.sending ??= this.send().finally(() => {
      this.sending = null;
    });
  }

  /** Sends the waiting lines. Resolves when they are sent or have failed. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake?.();
    await this.sending;
  }

  private async send(): Promise<void> {
    while (this.waiting !== '') {
      await this.rest();
      const text = this.waiting;
      this.waiting = '';
      this.last = Date.now();
      await this.mail(text).catch(this.problem);
    }
  }

  private async rest(): Promise<void> {
    const left = this.last + pause - Date.now();
    if (left <= 0 || this.closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async mail(text: string): Promise<void> {
    const { smtphost } = this.options;
    // Koji gives these mails to the local machine; here smtphost sends them if it is set.
    const isSet = smtphost !== kojidOptions.smtphost.default;
    const options = { ...this.options, smtphost: isSet ? smtphost : 'localhost' };
    await sendMail(options, {
      to: this.to,
      subject: `${hostname()}: error notice`,
      headers: {},
      text: text.slice(0, longest),
    });
  }
}
