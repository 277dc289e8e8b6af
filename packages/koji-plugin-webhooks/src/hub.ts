import { createHmac } from 'node:crypto';
import { GenericError } from '@koji/core';
import { matchesAny } from '@koji/core/policy';
import { callback, option, outbox, pluginConfig } from '@koji/plugin-sdk';
import { eventMessage, messageEvents } from '@koji/plugin-sdk/messages';
import type { EventMessage } from '@koji/plugin-sdk/messages';

const config = pluginConfig('webhooks', {
  message: {
    extra_limit: option.integer(
      0,
      'Characters of JSON that extra of a build may have, or it is left out; 0 has no limit',
    ),
  },
  'webhook*': {
    url: option.checked(
      option.required(option.text(null, 'Where to send messages to, by http or https')),
      urlProblem,
    ),
    events: option.words(['*'], 'Which ones: globs such as build.* or task.failed'),
    secret: option.secret(option.text(null, 'Messages are signed with it')),
  },
});

function urlProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? null : 'not an http or https url';
}

/** Milliseconds that a receiver may take. */
const patience = 25_000;

/** A message and the section of the configuration that says where it goes. */
interface Letter {
  readonly webhook: string;
  readonly message: EventMessage;
}

/** The messages that wait for their receivers, a topic for each receiver and address. */
export const webhooks = outbox('webhooks', async ({ webhook, message }: Letter, { id, attempt }) => {
  const receiver = config['webhook*'].get(webhook);
  if (!receiver)
    throw new GenericError(`[${webhook}] is not in webhooks.conf any more: put it back, or drop the message`);
  const response = await fetch(receiver.url, {
    method: 'POST',
    // One that moved is for somebody to look at: a redirected POST may lose its body.
    redirect: 'manual',
    signal: AbortSignal.timeout(patience),
    headers: { ...headersOf(message, id, attempt), ...signature(receiver.secret, message.body) },
    body: message.body,
  });
  await response.body?.cancel();
  if (!response.ok) throw new GenericError(`[${webhook}] answered ${response.status}`);
});

function headersOf({ address }: EventMessage, id: number, attempt: number): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'User-Agent': 'koji-webhooks',
    'X-Koji-Event': address,
    'X-Koji-Delivery': String(id),
    'X-Koji-Attempt': String(attempt),
  };
}

/** The time is signed too, so that nobody can send an old message again later. */
function signature(secret: string | null, body: string): Record<string, string> {
  if (secret === null) return {};
  const time = String(Math.floor(Date.now() / 1000));
  const digest = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  return { 'X-Koji-Timestamp': time, 'X-Koji-Signature-256': `sha256=${digest}` };
}

/** Puts what happens into the outbox, once for each receiver that wants it. */
export const tell = callback(...messageEvents)(async (event, payload) => {
  const receivers = [...config['webhook*']];
  if (receivers.length === 0) return;
  const message = await eventMessage(event, payload, { extraLimit: config.message.extra_limit });
  if (!message) return;
  for (const [webhook, { events }] of receivers)
    if (matchesAny(message.address, events))
      await webhooks.put(`${webhook} ${message.address}`, { webhook, message });
});
