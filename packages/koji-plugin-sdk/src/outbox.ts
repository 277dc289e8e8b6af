import { GenericError, writeJson } from '@koji/core';
import { Double } from '@koji/core/wire';
import { needAmbient } from './context.js';
import { timeOf } from './times.js';

/** What is known about a message that is delivered. */
export interface Delivery {
  /** The message's number: the same at every try, so that a receiver can tell one that he has from a new one. */
  readonly id: number;
  /** The topic that it was put under. */
  readonly topic: string;
  /** The message as JSON. */
  readonly text: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** When the call wrote it. */
  readonly created: Date;
}

/** How patiently messages are delivered. */
export interface OutboxOptions {
  /** Tries until a message is put aside as a dead letter. Default 20, which take about an hour. */
  readonly attempts?: number;
  /** Seconds that a try may take. Default 30. */
  readonly timeLimit?: number;
  /** Called when the hub stops, to close connections. */
  readonly close?: () => unknown;
}

/** Takes one message to where it belongs; what it throws is a failed try. */
export type Deliver<M> = (message: M, delivery: Delivery) => unknown;

/** A queue of messages to the outside. */
export interface Outbox<M> {
  /** The name that it was declared with. */
  readonly name: string;
  /**
   * Writes a message into the transaction of the call: it is delivered once that has committed, and never when it is
   * undone. Messages of one topic are delivered one after the other, in their order.
   *
   * @param topic at most 255 characters
   * @throws GenericError outside of a method or callback, or when the message can't be JSON
   */
  put(topic: string, message: M): Promise<void>;
}

/** An outbox as the hub has it. */
export interface PluginOutbox {
  readonly name: string;
  readonly attempts: number;
  /** Milliseconds. */
  readonly timeLimit: number;
  deliver(text: string, delivery: Delivery): Promise<void>;
  close(): Promise<void>;
}

const brand = Symbol.for('koji.plugin.outbox');

/**
 * Declares a queue of messages that leave the hub. Export it: `deliver` then runs in the hub, outside of any call, for each
 * message, until it succeeds. It may see a message twice, after a crash say, and never out of order within a topic.
 *
 * @param name of letters, digits, `_`, `.` and `-`, no other plugin's
 * @example
 * export const letters = outbox('letters', async ({ nvr }: { nvr: string }, { id }) => {
 *   const answer = await fetch('https://letters.example.org/', { method: 'POST', body: JSON.stringify({ id, nvr }) });
 *   if (!answer.ok) throw new Error(`the receiver answered ${answer.status}`);
 * });
 * export const onTag = callback('postTag', (_event, { tag, build }) => letters.put(tag.name, { nvr: build.nvr }));
 */
export function outbox<M>(name: string, deliver: Deliver<M>, options: OutboxOptions = {}): Outbox<M> {
  const { attempts = 20, timeLimit = 30 } = options;
  if (!/^[\w.-]{1,255}$/.test(name)) throw new GenericError(`'${name}' can't be the name of an outbox`);
  if (!Number.isInteger(attempts) || attempts < 1 || !(timeLimit > 0))
    throw new GenericError(`outbox ${name}: attempts and timeLimit must be above 0`);
  const served: PluginOutbox = {
    name,
    attempts,
    timeLimit: timeLimit * 1000,
    deliver: async (text, delivery) => {
      await deliver(JSON.parse(text) as M, delivery);
    },
    close: async () => {
      await options.close?.();
    },
  };
  return Object.defineProperty(
    {
      name,
      put: async (topic: string, message: M) => needAmbient().enqueue(name, topic, messageText(message)),
    },
    brand,
    { value: served },
  );
}

/** The hub's side of what {@link outbox} made; null for anything else. */
export function outboxOf(value: unknown): PluginOutbox | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as PluginOutbox;
}

/**
 * A value as JSON: times as Koji writes them, sets as lists, bytes as base64; floats stay floats and large integers exact.
 *
 * @throws GenericError for what JSON has no form for
 */
export function messageText(value: unknown): string {
  return writeJson(jsonValue(value, []));
}

function jsonValue(value: unknown, within: readonly object[]): unknown {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new GenericError(`a message can't have a ${typeof value} in it`);
  // JSON has no word for the others.
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Double) return Number.isFinite(value.value) ? value : null;
  if (typeof value !== 'object' || value === null) return value;
  const time = timeOf(value);
  if (time !== null) return time;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (within.includes(value)) throw new GenericError("a message can't have itself in it");
  const inner = [...within, value];
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => jsonValue(item, inner));
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [String(key), jsonValue(item, inner)]),
  );
}
