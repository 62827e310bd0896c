/** What each refusal at the door of a master costs, in CPU time, for a request of 600 bytes. */
import { openRequest } from '../src/channel/open-request.ts';
import { Crypticle } from '../src/codec/crypticle.ts';
import { packRaw } from '../src/codec/payload/raw-strings.ts';
import { encodeClearRequest } from '../src/codec/payload/request.ts';
import { signedIn } from './channel.ts';
import { JOB_RETURN } from './lib/payloads.ts';
import type { Figure } from './lib/report.ts';

/** Microseconds of CPU time for each message that is refused, by the reason. */
export async function refusals(short: boolean): Promise<Figure> {
  const { door, session, sessionKey, identity } = await signedIn();
  const strict = { ...door, ttlSeconds: 60 };
  const event = { cmd: '_minion_event', pretag: null, tag: 'bench/x', data: JOB_RETURN };
  const ts = Math.floor(Date.now() / 1000);
  const whole = { ...event, nonce: '0'.repeat(32), ts, tok: identity.tok(), id: 'web1' };
  const crafted = (more: object): Buffer =>
    packRaw({
      enc: 'aes',
      load: new Crypticle(sessionKey).encrypt(packRaw({ ...whole, ...more })),
      version: 3,
      id: 'web1',
      enc_algo: 'OAEP-SHA1',
      sig_algo: 'PKCS1v15-SHA1',
    });
  const good = session.seal(event).payload;
  const forged = Buffer.from(good);
  forged[100] = (forged[100] ?? 0) ^ 1;
  const replayed = crafted({});
  openRequest(strict, replayed);
  const payloads: Readonly<Record<string, Buffer>> = {
    'not-msgpack': good.subarray(0, good.length - 1),
    shape: packRaw({ ...event, load: {} }),
    version: packRaw({ enc: 'clear', load: event, version: 2 }),
    enc: packRaw({ enc: 'none', load: event, version: 3 }),
    command: encodeClearRequest({ ...event, cmd: '_send_pub' }),
    field: encodeClearRequest({ ...event, cmd: 'publish' }),
    session: forged,
    ttl: crafted({ ts: ts - 3600 }),
    'id-mismatch': crafted({ id: 'web2' }),
    nonce: crafted({ nonce: 'x' }),
    replay: replayed,
  };
  const count = short ? 1000 : 10_000;
  const rounds: Record<string, number[]> = {};
  for (let round = 0; round < (short ? 1 : 5); round += 1) {
    for (const [reason, payload] of Object.entries(payloads)) {
      const begun = process.cpuUsage();
      for (let index = 0; index < count; index += 1) {
        const opened = openRequest(strict, payload);
        if (opened.kind !== 'refused' || opened.reason !== reason)
          throw new Error(`${reason}: ${opened.kind}`);
      }
      const { user, system } = process.cpuUsage(begun);
      (rounds[`saltbus, ${reason}`] ??= []).push((user + system) / count);
    }
  }
  return { name: 'CPU time of a refusal at the door of a master', unit: 'us', rounds, smallerIsBetter: true };
}
