import { idHash, minionId, originText } from '../../config/index.ts';
import { SaltbusError } from '../../errors.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** The id of the minion, how it was found, and the name that its sockets have by it. */
export function minionIdFinding(subject: Subject): Finding | undefined {
  const { config, address } = subject;
  if (config === undefined || address?.node !== 'minion' || address.address.kind !== 'unix') return undefined;
  const key = `${subject.key}.id`;
  const { id, hashType } = address;
  if (id !== undefined) {
    const from = originText(id.origin);
    const detail = `Its sockets are named minion_event_${idHash(id.value, hashType.value)}_*.ipc (${hashType.value} of the id).`;
    return id.origin.kind === 'derived'
      ? finding(key, 'ok', `the id of the ${subject.name} is ${id.value}, guessed ${from}`, [
          detail,
          'Salt may guess another one, where DNS knows this host by another name.',
        ])
      : finding(key, 'ok', `the id of the ${subject.name} is ${id.value} (${from})`, detail);
  }
  let guess: string;
  try {
    const { value, origin } = minionId(config);
    guess = `The id would be ${value} (${originText(origin)}), and no socket has the name that it gives.`;
  } catch (error) {
    if (!(error instanceof SaltbusError)) throw error;
    guess = `${error.message}.`;
  }
  return finding(
    key,
    'ok',
    `the id of the ${subject.name} is not known; the only socket in ${address.sockDir.value} was taken`,
    `${guess} A single minion has its sockets there, so that one is meant.`,
  );
}
