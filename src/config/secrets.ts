/**
 * What must not be shown: values of options whose names say that they are secret, and secrets inside of other values.
 */

/** What is shown in the place of a secret. */
export const SECRET_MARK = '***';

// Parts of a name, as Salt and its modules use them: `mysql.pass`, `rest_timeout_token`, `sharedsecret`.
const SECRET_ANYWHERE = /passw|passphrase|secret|token|credential|api_?key|private/i;
const SECRET_PART = /(?:^|[._\-\s])(?:pass|pwd|key|keys|cred|creds|auth_key)(?:$|[._\-\s])|pass$/i;

// Options of Salt whose names look like it, and that say where something is or how long it lasts (3006 to 3008).
const NO_SECRETS: ReadonlySet<string> = new Set([
  'key_cache',
  'key_logfile',
  'keep_acl_in_token',
  'keys.cache_driver',
  'token_dir',
  'token_expire',
  'token_expire_user_override',
  'eauth_tokens',
  'master_sign_key_name',
  'rotate_aes_key',
]);

/** Whether the value of an option of this name is to be hidden. */
export function isSecretName(name: string): boolean {
  return !NO_SECRETS.has(name) && (SECRET_ANYWHERE.test(name) || SECRET_PART.test(name));
}

/** The value as it may be shown: secrets in it, at any depth, are replaced by {@link SECRET_MARK}. */
export function withoutSecrets(name: string, value: unknown): unknown {
  if (isSecretName(name)) return isTelling(value) ? value : SECRET_MARK;
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return (value as unknown[]).map((element) => withoutSecrets('', element));
  if (value instanceof Map) {
    const map = value as ReadonlyMap<unknown, unknown>;
    return new Map([...map].map(([key, inner]) => [key, withoutSecrets(String(key), inner)]));
  }
  return value;
}

// Whether something is switched on, or not set, is no secret.
function isTelling(value: unknown): boolean {
  return value === null || value === '' || typeof value === 'boolean';
}

function maskText(text: string): string {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return SECRET_MARK;
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s/]+@/gi, `$1${SECRET_MARK}@`)
    .replace(
      /([?&;](?:[^=&\s]*(?:passw|secret|token|api_?key)[^=&\s]*|pass|key)=)[^&;\s]+/gi,
      `$1${SECRET_MARK}`,
    );
}
