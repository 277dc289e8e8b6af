import { GenericError } from '@koji/core';
import { matchesAny } from '@koji/core/policy';
import { callback, outbox } from '@koji/plugin-sdk';
import type { CallbackFunction, Outbox } from '@koji/plugin-sdk';
import { messageEvents, eventMessage } from '@koji/plugin-sdk/messages';
import type { MessageEvent, MessageProperties } from '@koji/plugin-sdk/messages';
import { config, longestTimeout } from './config.js';
import { send } from './send.js';

/** Characters of a section's name that its lanes have: the name of a lane has room for 255. */
const longestName = 200;

/** A message to one receiver. */
export interface WebhookMessage {
  /** The section of webhooks.conf. */
  readonly webhook: string;
  readonly address: string;
  readonly properties: MessageProperties;
  /** JSON. */
  readonly body: string;
}

/** The messages to all receivers. */
export const webhooks: Outbox<WebhookMessage> = outbox(
  'webhooks',
  async ({ webhook, address, properties, body }: WebhookMessage, { id }) => {
    const found = config['webhook*'].get(webhook);
    if (!found) throw new GenericError(`webhooks.conf has no [${webhook}] any more`);
    const { url, secret, timeout } = found;
    // The body stays as it was written: as a value it would lose what JavaScript's numbers can't hold.
    const text = `{"address": ${JSON.stringify(address)}, "properties": ${JSON.stringify(properties)}, "body": ${body}}`;
    await send({ url, secret, timeout, id, event: address, body: text });
  },
  { timeLimit: longestTimeout + 5 },
);

/** Writes a message for every receiver that wants it. */
export const notifyReceivers: CallbackFunction<MessageEvent> = callback(...messageEvents)(async (
  event,
  payload,
) => {
  const wanting = (address: string): string[] =>
    [...config['webhook*']].filter(([, { events }]) => matchesAny(address, events)).map(([name]) => name);
  const message = await eventMessage(event, payload, {
    extraLimit: config.message.extra_limit,
    wants: (address) => wanting(address).length > 0,
  });
  if (!message) return;
  // A lane each, so that a receiver that is down holds up itself alone.
  for (const webhook of wanting(message.address))
    await webhooks.put(`${webhook.slice(0, longestName)} ${message.address}`, { webhook, ...message });
});
