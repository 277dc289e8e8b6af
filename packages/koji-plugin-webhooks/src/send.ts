import { createHmac } from 'node:crypto';

/** A request to a receiver. */
export interface WebhookRequest {
  readonly url: string;
  /** The message's number: the same at every try. */
  readonly id: number;
  /** The event, such as `build.tag`. */
  readonly event: string;
  /** JSON. */
  readonly body: string;
  /** Without one, nothing is signed. */
  readonly secret: string | null;
  /** Seconds. */
  readonly timeout: number;
}

/**
 * Sends a message to a receiver.
 *
 * @throws Error unless the receiver answers 2xx in time; it names neither address nor secret
 */
export async function send({ url, timeout, ...message }: WebhookRequest): Promise<void> {
  const { target, authorization } = withoutLogin(url);
  const answer = await fetch(target, {
    method: 'POST',
    // The operator has not chosen the target of a receiver's redirect.
    redirect: 'manual',
    signal: AbortSignal.timeout(Math.ceil(timeout * 1000)),
    headers: { ...headersOf(message), ...(authorization === null ? {} : { authorization }) },
    body: message.body,
  }).catch((error: unknown) => {
    throw new Error(reasonOf(error, timeout));
  });
  // Nobody reads it, and an unread body keeps its connection.
  await answer.body?.cancel().catch(() => undefined);
  if (!answer.ok) throw new Error(`the receiver answered ${answer.status}`);
}

function headersOf({
  id,
  event,
  body,
  secret,
}: Omit<WebhookRequest, 'url' | 'timeout'>): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'koji-webhooks',
    'x-koji-event': event,
    'x-koji-delivery': String(id),
    'x-koji-timestamp': timestamp,
  };
  if (secret === null) return headers;
  return { ...headers, 'x-koji-signature-256': `sha256=${signatureOf(secret, timestamp, body)}` };
}

/** Signs a message: HMAC-SHA256 of its timestamp, a dot and its body, in hex. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
}

/** fetch refuses an address with a login, and quotes it. */
function withoutLogin(url: string): { target: URL; authorization: string | null } {
  const target = new URL(url);
  const { username, password } = target;
  if (username === '' && password === '') return { target, authorization: null };
  target.username = target.password = '';
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { target, authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

/** A field of an error of any class; undefined if it is missing. */
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Why there was no answer: a code such as ECONNREFUSED at best, since texts may quote the address. */
function reasonOf(error: unknown, timeout: number): string {
  if (fieldOf(error, 'name') === 'TimeoutError') return `no answer within ${timeout} s`;
  const code = fieldOf(fieldOf(error, 'cause'), 'code');
  return typeof code === 'string' ? `no answer: ${code}` : 'no answer';
}
