/** The reference of the configuration, made from the table of options. */
import type { OptionEntry } from '../../src/config/options/entry.ts';
import { MASTER_OPTIONS } from '../../src/config/options/master.ts';
import { MINION_OPTIONS } from '../../src/config/options/minion.ts';
import { OUR_OPTIONS } from '../../src/config/options/ours.ts';
import { SHARED_OPTIONS } from '../../src/config/options/shared.ts';
import { exactToJson } from '../../src/codec/json/exact-json.ts';
import type { ExactValue } from '../../src/codec/msgpack/values.ts';

const HEAD = `# Configuration

Our minion and our master read Salt's own files: \`/etc/salt/minion\` and \`/etc/salt/master\`, or those of the directory that \`-c\` or \`SALT_CONFIG_DIR\`
names, with their drop-ins, in Salt's order. The options below are looked at; defaults are those of Salt 3008.5 (3006.30 and 3007.17 where nothing else is said). Other options of
Salt may stand in the files, and mean nothing to saltbus. A value that does not fit is an error with file and line. \`saltbus config show --origin\` shows what
is in effect, and where it comes from.

What a value has to be: *text*; *path*, below \`root_dir\`; *integer* in a range; *port*, 1 to 65535; *bool*, \`True\` or \`False\`; *seconds*, a number from 0, fractions too; *list* of texts,
or one text; one of several words; *map*; *any*, several forms.

This page is made from \`src/config/options/\` by \`scripts/config-page.ts\`.
`;

const OURS = `Settings of our own stand below one key, which Salt does not look at. One that is misspelt is an error that names the nearest.

\`\`\`yaml
saltbus:
  drain_timeout: 20
\`\`\`
`;

function kindText(entry: OptionEntry): string {
  switch (entry.kind) {
    case 'integer': {
      const { least, most } = entry;
      return most === Number.MAX_SAFE_INTEGER ? `integer from ${least}` : `integer, ${least} to ${most}`;
    }
    case 'enum':
      return entry.choices.map((choice) => `\`${choice}\``).join(', ');
    default:
      return entry.kind;
  }
}

function defaultText(entry: OptionEntry): string {
  if (entry.ruled === true) return 'by a rule';
  const perNode = entry.only === undefined ? (['minion', 'master'] as const) : [entry.only];
  const texts = new Set(perNode.map((node) => valueText(entry.value(node))));
  return [...texts].join(', ');
}

function valueText(value: unknown): string {
  if (value === null || value === '') return 'not set';
  if (typeof value === 'boolean') return value ? '`True`' : '`False`';
  return `\`${typeof value === 'string' ? value : exactToJson(value as ExactValue)}\``;
}

function rows(entries: readonly OptionEntry[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const lines = entries.map((entry) => {
    const { name, unit, lines: differs, doc } = entry;
    const kind = unit === undefined ? kindText(entry) : `${kindText(entry)}, ${unit}`;
    const meaning = differs === undefined ? doc : `${doc} (${differs}.)`;
    return `| ${[`\`${name}\``, kind, defaultText(entry), meaning].map(cell).join(' | ')} |`;
  });
  return ['| option | kind | default | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** The page. */
export function configurationPage(): string {
  const shared = (node?: 'minion' | 'master'): readonly OptionEntry[] =>
    SHARED_OPTIONS.filter(({ only }) => only === node);
  const ours = (node?: 'minion' | 'master'): readonly OptionEntry[] =>
    OUR_OPTIONS.filter(({ only }) => only === node);
  return [
    HEAD,
    '## Both\n',
    `${rows(shared())}\n`,
    '## Minion\n',
    `${rows([...shared('minion'), ...MINION_OPTIONS])}\n`,
    '## Master\n',
    `${rows([...shared('master'), ...MASTER_OPTIONS])}\n`,
    '## Ours\n',
    OURS,
    '### Both\n',
    `${rows(ours())}\n`,
    '### Minion\n',
    `${rows(ours('minion'))}\n`,
    '### Master\n',
    `${rows(ours('master'))}\n`,
  ].join('\n');
}
