import { matchesAny } from '@koji/core/policy';
import { callback, outbox } from '@koji/plugin-sdk';
import type { CallbackFunction, Outbox } from '@koji/plugin-sdk';
import { messageEvents, eventMessage } from '@koji/plugin-sdk/messages';
import type { MessageEvent, EventMessage } from '@koji/plugin-sdk/messages';
import { Bus } from './bus.js';
import { config } from './config.js';
import { longestConnect, longestSend } from './limits.js';
import { plainPrefix } from './transport.js';

const bus = new Bus(() => config.broker);

/** The messages to the bus. */
export const messagebus: Outbox<EventMessage> = outbox(
  'messagebus',
  async (message: EventMessage, { id, created }) => {
    const { ttl } = config.message;
    await bus.publish({
      ...message,
      // The prefix tells the hubs of a bus apart, and with it their numbers.
      id: `${plainPrefix(config.broker.topic_prefix)}:${id}`,
      ttl: ttl === null ? null : Math.ceil(ttl * 1000),
      created,
    });
  },
  // Brokers are tried until `longestConnect` is over, and the last of them may take that long, too.
  { timeLimit: 2 * longestConnect + longestSend + 10, close: () => bus.close() },
);

/** Writes a message for what is wanted on the bus. */
export const tellBus: CallbackFunction<MessageEvent> = callback(...messageEvents)(async (event, payload) => {
  const { events, extra_limit: extraLimit } = config.message;
  const wants = (address: string): boolean => matchesAny(address, events);
  const message = await eventMessage(event, payload, { extraLimit, wants });
  // A lane for each kind of thing, so that all that happens to builds comes in order.
  if (message) await messagebus.put(message.address.split('.', 1).join(), message);
});
