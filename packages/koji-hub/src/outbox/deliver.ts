/**
 * Delivers the messages that plugins have put into their outboxes: soon after the commit that brought them, again with
 * growing pauses when it fails, at last into the dead letters. Every hub process does, lane by lane (see messages.ts).
 */
import { messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import { withTimeLimit } from '@koji/plugin-sdk/host';
import type { ActivityLog, PluginOutbox } from '@koji/plugin-sdk/host';
import type { Database } from '../db/connection.js';
import { claimLanes, nextDue, nextMessages, settle } from './messages.js';
import type { Lane, Message, Outcome } from './messages.js';

/** The channel of the database that announces new messages. */
export const outboxChannel = 'outbox';

/** An outbox and the plugin that has it. */
export interface ServedOutbox {
  readonly plugin: string;
  readonly outbox: PluginOutbox;
}

/** Dependencies of deliveries. */
export interface DeliveryParts {
  readonly database: Database;
  readonly log: Logger;
  readonly activity: ActivityLog;
  readonly outboxes: readonly ServedOutbox[];
  /** Seconds to the second try; each further one waits twice as long. Default 1. */
  readonly firstPause?: number;
}

/** Lanes that a process delivers side by side. */
const most = 8;
/** Messages of a lane that are read at once. */
const batch = 50;
const longestPause = 300;
/** Milliseconds after which it looks for messages of which it was not told. */
const beat = 15_000;

/** Deliveries that run until they are stopped. */
export interface RunningDeliveries {
  /** Goes on with these outboxes; what is being delivered ends as it began. */
  replace(outboxes: readonly ServedOutbox[]): void;
  /** Waits for deliveries in progress. */
  stop(): Promise<void>;
}

/** Starts to deliver. */
export function startDeliveries(parts: DeliveryParts): RunningDeliveries {
  const deliveries = new Deliveries(parts);
  deliveries.begin();
  return deliveries;
}

class Deliveries implements RunningDeliveries {
  private byQueue: ReadonlyMap<string, ServedOutbox>;
  private readonly running = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private unlisten: () => void = () => undefined;

  constructor(private readonly parts: DeliveryParts) {
    this.byQueue = byName(parts.outboxes);
  }

  begin(): void {
    this.unlisten = this.parts.database.listen((channel) => {
      if (channel === outboxChannel || channel === '*') this.look();
    });
    this.look();
  }

  replace(outboxes: readonly ServedOutbox[]): void {
    const old = [...this.byQueue.values()];
    this.byQueue = byName(outboxes);
    for (const { outbox } of old) void this.close(outbox);
    this.look();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unlisten();
    if (this.timer) clearTimeout(this.timer);
    await this.looking;
    await Promise.all(this.running);
    for (const { outbox } of this.byQueue.values()) await this.close(outbox);
  }

  private async close(outbox: PluginOutbox): Promise<void> {
    try {
      await withTimeLimit(outbox.timeLimit, () => outbox.close());
    } catch (error) {
      this.parts.log.warn(`outbox ${outbox.name} did not close: ${messageOf(error)}`, error);
    }
  }

  private look(): void {
    if (this.stopped) return;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.again = true;
    this.looking ??= this.lookOver().finally(() => {
      this.looking = null;
      // Somebody asked after the last look and before this.
      if (this.again) this.look();
    });
  }

  private async lookOver(): Promise<void> {
    let pause = beat;
    try {
      while (this.takeAgain()) pause = await this.claim();
    } catch (error) {
      this.parts.log.error(`messages could not be looked for: ${messageOf(error)}`, error);
    }
    if (!this.stopped) this.timer = setTimeout(() => this.look(), pause);
  }

  private takeAgain(): boolean {
    const asked = this.again && !this.stopped;
    this.again = false;
    return asked;
  }

  /** Claims what is due and begins to deliver it; milliseconds until it is worth looking again. */
  private async claim(): Promise<number> {
    const { database } = this.parts;
    const queues = [...this.byQueue.keys()];
    if (queues.length === 0) return beat;
    const free = most - this.running.size;
    // A lane that ends looks again by itself.
    if (free <= 0) return beat;
    const due = await database.read((db) => nextDue(db, queues));
    const now = Date.now() / 1000;
    if (due === null) return beat;
    if (due > now) return Math.min(beat, Math.ceil((due - now) * 1000));
    const limits = [...this.byQueue.values()].map(({ outbox }) => outbox.timeLimit / 1000);
    // A turn ends once it has taken one time limit, and its last message may take another.
    const until = now + 3 * Math.max(...limits) + 30;
    const lanes = await database.write((db) => claimLanes(db, queues, { now, until, most: free }));
    for (const lane of lanes) {
      const turn = this.turn(lane).finally(() => {
        this.running.delete(turn);
        this.look();
      });
      this.running.add(turn);
    }
    this.again ||= lanes.length > 0 && lanes.length < free;
    return beat;
  }

  /** Delivers messages of a lane until one fails, the time is over or none is left. */
  private async turn(lane: Lane): Promise<void> {
    const { database, log } = this.parts;
    const served = this.byQueue.get(lane.queue);
    try {
      if (!served) throw new Error('no such queue');
      const messages = await database.read((db) => nextMessages(db, lane.id, batch));
      const outcome = await this.deliverAll(lane, served, messages);
      await database.write((db) => settle(db, lane.id, outcome));
    } catch (error) {
      // The lease ends by itself, and the messages are delivered again.
      log.error(`messages of ${lane.queue}, ${lane.topic}: ${messageOf(error)}`, error);
    }
  }

  private async deliverAll(lane: Lane, served: ServedOutbox, messages: readonly Message[]): Promise<Outcome> {
    const started = Date.now();
    const delivered: number[] = [];
    for (const message of messages) {
      if (this.stopped || Date.now() - started > served.outbox.timeLimit) break;
      try {
        await this.deliverOne(lane, served, message);
        delivered.push(message.id);
      } catch (error) {
        return { delivered, ...this.failed(lane, served, message, error) };
      }
    }
    return { delivered, failed: null, next: 0 };
  }

  private deliverOne(lane: Lane, { plugin, outbox }: ServedOutbox, message: Message): Promise<void> {
    const { id, body: text, attempts, created } = message;
    const delivery = { id, topic: lane.topic, text, attempt: attempts + 1, created };
    return this.parts.activity.measure({ plugin, kind: 'delivery', name: outbox.name }, () =>
      withTimeLimit(outbox.timeLimit, () => outbox.deliver(text, delivery)),
    );
  }

  private failed(
    { queue, topic }: Lane,
    { outbox }: ServedOutbox,
    { id, attempts }: Message,
    error: unknown,
  ): Omit<Outcome, 'delivered'> {
    const { log, firstPause = 1 } = this.parts;
    const tries = attempts + 1;
    const dead = tries >= outbox.attempts;
    const pause = dead ? 0 : Math.min(longestPause, firstPause * 2 ** attempts);
    const what = `message ${id} of ${queue}, ${topic}: try ${tries} failed: ${messageOf(error)}`;
    if (dead) log.error(`${what}; it is a dead letter now (koji-hub outbox)`, error);
    else log.warn(`${what}; next try in ${pause} s`, error);
    return { failed: { id, error: messageOf(error), dead }, next: Date.now() / 1000 + pause };
  }
}

function byName(outboxes: readonly ServedOutbox[]): ReadonlyMap<string, ServedOutbox> {
  return new Map(outboxes.map((served) => [served.outbox.name, served]));
}
