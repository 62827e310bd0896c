/**
 * Tags that a returner makes of a job: `monitoring/{id}/{fun}`.
 */
import { deniedBy } from '../../dialect/tag-rules.ts';
import { SaltbusError } from '../../errors.ts';
import { checkTag } from '../../tag.ts';

/** What a tag may hold in braces. */
export const RETURN_TAG_FIELDS = ['id', 'fun', 'jid'] as const;

/** The returner that puts returns on the master's bus under a tag. */
export const MASTER_BUS = 'master_bus';

const MOST_CHARACTERS = 1024;
const FIELDS: ReadonlySet<string> = new Set(RETURN_TAG_FIELDS);
// what no minion, function or job is called, so that a tag which is denied for some is found
const SAMPLE: Readonly<Record<string, string>> = { id: 'x', fun: 'x.x', jid: '20260101000000000000' };

/**
 * Checks a tag before a job is sent with it.
 * @throws SaltbusError `ERR_SALTBUS_USAGE` for a field that is none, `ERR_SALTBUS_TAG`, `ERR_SALTBUS_DENIED_TAG`
 */
export function checkReturnTag(template: string): void {
  if (template.length > MOST_CHARACTERS) {
    throw new SaltbusError('ERR_SALTBUS_TAG', `The tag has more than ${MOST_CHARACTERS} characters`);
  }
  const sample = template.replace(/\{([^{}]*)\}/g, (_, field: string) => {
    if (FIELDS.has(field)) return SAMPLE[field] ?? '';
    throw wrong(`The tag has the field {${field}}, and there is none of that name`);
  });
  if (/[{}]/.test(sample)) throw wrong('The tag has a brace that has no partner');
  checkTag(sample);
  const denied = deniedBy(sample);
  if (denied !== undefined) {
    throw new SaltbusError(
      'ERR_SALTBUS_DENIED_TAG',
      `The tag, ${JSON.stringify(template)}, matches ${denied}: a master drops it`,
    );
  }
}

function wrong(message: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_USAGE', message, {
    next: `Fields are ${RETURN_TAG_FIELDS.map((field) => `{${field}}`).join(', ')}.`,
  });
}
