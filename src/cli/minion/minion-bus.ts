/** Where a minion serves its bus, and how it speaks there. */
import { busAddress, integerOption, installedSalt } from '../../config/index.ts';
import type { SaltConfig } from '../../config/index.ts';
import type { SocketPair } from '../../daemon/bus-server.ts';
import type { MinionOptions } from '../../daemon/minion/minion.ts';
import { NEWEST_RELEASE, traitsOfRelease } from '../../dialect/releases.ts';
import type { ReleaseTraits } from '../../dialect/releases.ts';
import { SaltbusError } from '../../errors.ts';

/**
 * The sockets that a real minion of this configuration would have, and others beside them for programs of other releases.
 * @param release - what programs speak; that of the installed Salt, or the newest, where nothing is said
 * @param also - further pairs, each as `DIRECTORY=RELEASE`
 * @throws SaltbusError `ERR_SALTBUS_CONFIG` or `ERR_SALTBUS_USAGE`
 */
export function minionBus(
  config: SaltConfig,
  id: string,
  release: string = installedSalt()?.version ?? NEWEST_RELEASE,
  also: readonly string[] = [],
): Pick<MinionOptions, 'bus' | 'isStampZoned'> {
  const traits = traitsFor(release);
  const pairs = [pairAt(config, { id }, traits)];
  for (const text of also) {
    const at = text.lastIndexOf('=');
    if (at < 1) {
      throw new SaltbusError('ERR_SALTBUS_USAGE', `'${text}' is no pair of a directory and a release`, {
        next: 'Write it like /run/bus-3006=3006.30.',
      });
    }
    pairs.push(pairAt(config, { id, sockDir: text.slice(0, at) }, traitsFor(text.slice(at + 1))));
  }
  const outboxBytes = integerOption(config, 'saltbus.outbox_bytes').value;
  return { bus: { pairs, outboxBytes }, isStampZoned: traits.zonedStamp };
}

function traitsFor(release: string): ReleaseTraits {
  const traits = traitsOfRelease(release);
  if (traits !== undefined) return traits;
  throw new SaltbusError('ERR_SALTBUS_USAGE', `'${release}' is no Salt release that is known`, {
    next: 'Give a release from 3000 on, such as 3006.30, 3007.17 or 3008.5.',
  });
}

function pairAt(
  config: SaltConfig,
  where: { readonly id: string; readonly sockDir?: string },
  { dialect }: ReleaseTraits,
): SocketPair {
  const { address } = busAddress(config, where);
  if (address.kind === 'unix') {
    return { pub: { kind: 'unix', path: address.pub }, pull: { kind: 'unix', path: address.pull }, dialect };
  }
  const { host, pubPort, pullPort } = address;
  return { pub: { kind: 'tcp', host, port: pubPort }, pull: { kind: 'tcp', host, port: pullPort }, dialect };
}
