import { finding } from '../finding.ts';
import type { Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** A bus that is not there: an error where it was asked for, a warning where it is configured, and otherwise nothing bad. */
export function absence(subject: Subject, id: string, title: string, detail: readonly string[]): Finding {
  const { asked, config, name, key, location } = subject;
  const isConfigured = key === subject.node && config !== undefined && config.files.length > 0;
  const said = detail.filter((part) => part !== '');
  const from =
    location === undefined || !asked ? '' : ` Or say where its bus is with --sock-dir or --socket.`;
  if (asked || isConfigured) {
    return finding(
      id,
      asked ? 'error' : 'warning',
      `${title}: the ${name} is not running`,
      said,
      `Start it (systemctl start salt-${subject.node}, or saltbus ${subject.node}; a bus alone: saltbus bus --node ${subject.node}).${from}`,
    );
  }
  return finding(id, 'ok', `there is no ${name} here (${title})`);
}
