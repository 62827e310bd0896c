import assert from 'node:assert/strict';
import type { BusItem } from '../../src/bus/queue.ts';
import type { Subscription } from '../../src/bus/subscription.ts';
import type { SaltEvent } from '../../src/event.ts';

/** The next items of a subscription. */
export async function take(subscription: Subscription, count: number): Promise<BusItem[]> {
  const items: BusItem[] = [];
  while (items.length < count) {
    const { done, value } = await subscription.next();
    assert.notEqual(done, true, 'the subscription goes on');
    if (value !== undefined) items.push(value);
  }
  return items;
}

/** The next items, which are events. */
export async function takeEvents(subscription: Subscription, count: number): Promise<SaltEvent[]> {
  return (await take(subscription, count)).map(eventOf);
}

/** An item, which is an event. */
export function eventOf(item: BusItem | undefined): SaltEvent {
  assert.equal(item?.kind, 'event');
  return item;
}

/** The data of an event without the stamp. */
export function withoutStamp(event: SaltEvent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event.data).filter(([key]) => key !== '_stamp'));
}
