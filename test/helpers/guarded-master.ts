/** A master of ours that is to refuse things while a good minion beside goes on. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';
import { ownMaster, watchMaster } from './own-master.ts';
import type { OwnMaster, OwnMasterOptions, WatchedBus } from './own-master.ts';
import { EVENT, answerOf, ask, signedIn } from './raw-minion.ts';
import type { SignedInMinion } from './raw-minion.ts';

/** A master of ours with two minions that are signed in. */
export interface MasterRig {
  readonly master: OwnMaster;
  readonly seen: WatchedBus;
  readonly web1: SignedInMinion;
  /** Sends a load as web1 would, and gives the value in the reply. */
  readonly send: (load: Readonly<Record<string, unknown>>) => Promise<ExactValue>;
  /** A minion beside fires an event and is answered; nothing but such events came through meanwhile. */
  readonly nobodyWasDisturbed: () => Promise<void>;
}

/** Starts it; it is ended after the test. */
export async function masterRig(t: TestContext, options: OwnMasterOptions = {}): Promise<MasterRig> {
  const master = await ownMaster(t, options);
  const seen = await watchMaster(t, master.sockDir);
  const web1 = await signedIn(master, 'web1');
  const good = await signedIn(master, 'good');
  let fired = 0;
  return {
    master,
    seen,
    web1,
    send: async (load) => {
      const { payload, nonce } = web1.session.seal(load);
      const opened = web1.session.open(await ask(master, payload), nonce);
      return opened.kind === 'value' ? opened.value : assert.fail(opened.why);
    },
    nobodyWasDisturbed: async () => {
      fired += 1;
      const { payload, nonce } = good.session.seal({ ...EVENT, tag: `good/${fired}` });
      assert.deepEqual(good.session.open(await ask(master, payload), nonce), { kind: 'value', value: null });
      await seen.until(`good/${fired}`);
      const others = seen.events
        .map(({ tag }) => tag)
        .filter((tag) => !/^(?:salt\/auth|saltbus\/refused|good\/\d+)$/.test(tag));
      assert.deepEqual(others, []);
      assert.equal(master.daemon.counters.requests.failed, 0);
    },
  };
}

/** A request that is refused at the door: why, and with which answer. */
export type Row = readonly [what: string, reason: string, payload: Buffer, answer: unknown];

/** Sends each row, and compares answers and counters. */
export async function table(rig: MasterRig, rows: readonly Row[]): Promise<void> {
  const { master } = rig;
  const expected = new Map(master.daemon.counters.requests.refused);
  for (const [what, reason, payload, answer] of rows) {
    assert.deepEqual(await answerOf(master, payload), answer, what);
    expected.set(reason, (expected.get(reason) ?? 0) + 1);
    assert.deepEqual(master.daemon.counters.requests.refused, expected, what);
  }
  await rig.nobodyWasDisturbed();
}
