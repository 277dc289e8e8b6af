import { GenericError, writeJson } from '@koji/core';
import { Double } from '@koji/core/wire';
import { needAmbient } from './context.js';
import { timeOf } from './times.js';

/** Information about a message during its delivery. */
export interface Delivery {
  /** The number of the message, the same in every try, by which a receiver recognises a repeated message. */
  readonly id: number;
  /** The topic of the message. */
  readonly topic: string;
  /** The message as JSON. */
  readonly text: string;
  /** The number of the try, starting at 1. */
  readonly attempt: number;
  /** The time at which the call wrote it. */
  readonly created: Date;
}

/** Options of delivery. */
export interface OutboxOptions {
  /** Number of tries after which a message is a dead letter. Default 20, which take about an hour. */
  readonly attempts?: number;
  /** Time limit of a try in seconds. Default 30. */
  readonly timeLimit?: number;
  /** Called when the hub stops, to close connections. */
  readonly close?: () => unknown;
}

/** Delivers one message. An error is a failed try. */
export type Deliver<M> = (message: M, delivery: Delivery) => unknown;

/** A queue of messages to other systems. */
export interface Outbox<M> {
  /** The declared name. */
  readonly name: string;
  /**
   * Writes a message into the transaction of the call. It is delivered after the commit, and never when the call is undone.
   * Messages of one topic are delivered one after the other, in order.
   *
   * @param topic at most 255 characters
   * @throws GenericError outside of a method or callback, or when the message cannot be represented as JSON
   */
  put(topic: string, message: M): Promise<void>;
}

/** The hub's view of an outbox. */
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
 * message, until it succeeds. It may receive a message twice, for example after a crash, but never out of order within a topic.
 *
 * @param name unique among all plugins; letters, digits, `_`, `.` and `-`
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

/** Returns the hub's side of an {@link outbox}; null for anything else. */
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
