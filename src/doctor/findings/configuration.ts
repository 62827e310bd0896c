import { originText, optionValue } from '../../config/index.ts';
import type { SaltConfig } from '../../config/index.ts';
import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** Which files were read, and what in them cannot be used. */
export function configurationFinding(subject: Subject): Finding | undefined {
  const { config, error, name } = subject;
  const id = `${subject.key}.configuration`;
  if (error !== undefined) {
    return finding(
      id,
      'error',
      `the ${name} configuration cannot be used`,
      `${error.message}. Without it nothing is known of the bus.`,
      error.next,
    );
  }
  if (config === undefined) return undefined;
  const { files, mainFile, mainFileOrigin, warnings } = config;
  const because = mainFileOrigin.kind === 'default' ? '' : ` (from ${originText(mainFileOrigin)})`;
  if (warnings.length > 0) {
    return finding(
      id,
      'warning',
      `part of the ${name} configuration was left out`,
      [`Read from ${list(files)}${because}.`, ...warnings.map((warning) => `${warning}.`), userText(config)],
      'Mend the named file: a daemon of Salt does not start with it.',
    );
  }
  if (files.length > 0) {
    return finding(
      id,
      'ok',
      `the ${name} configuration was read from ${list(files)}${because}`,
      userText(config),
    );
  }
  // Who says where the sockets are needs no file.
  const isNeeded = subject.asked && subject.address?.sockDir.origin.kind !== 'flag';
  if (mainFileOrigin.kind === 'default' || !isNeeded) {
    return finding(
      id,
      'ok',
      `there is no ${name} configuration`,
      `${mainFile} does not exist, so Salt's defaults hold.`,
    );
  }
  return finding(
    id,
    'warning',
    `there is no ${name} configuration at ${mainFile}${because}`,
    "Salt's defaults hold.",
    `Look whether ${originText(mainFileOrigin)} names the right directory.`,
  );
}

function list(files: readonly string[]): string {
  const [first = '', ...others] = files;
  if (others.length === 0) return first;
  return others.length <= 3 ? files.join(', ') : `${first} and ${others.length} more files`;
}

function userText(config: SaltConfig): string {
  const { value, origin } = optionValue(config, 'user');
  return origin.kind === 'default'
    ? 'No user is named, so the daemon runs as whoever starts it.'
    : `The daemon is to run as ${String(value)} (${originText(origin)}).`;
}
