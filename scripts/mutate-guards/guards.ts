/**
 * The guards that are taken out, one at a time: where each stands, what stands there without it, and which tests should notice.
 */

/** One check of ours. */
export interface Guard {
  /** What is missing without it. */
  readonly name: string;
  readonly file: string;
  /** The text of it, exactly; stands once in the file. */
  readonly source: string;
  readonly without: string;
  readonly tests: readonly string[];
}

const OPEN_REQUEST = 'src/channel/open-request.ts';
const ENVELOPE = 'src/codec/payload/request.ts';
const SIGN_IN = 'src/channel/sign-in.ts';
const PILLAR = 'src/channel/minion-session.ts';
const PUBLICATION = 'src/channel/publication-reader.ts';
const ACL = 'src/daemon/master/events/event-acl.ts';
const NAMES = 'src/codec/load/names.ts';

const DOOR_TESTS = ['test/unit/channel/open-request.test.ts'];
const SIGN_IN_TESTS = ['test/unit/channel/sign-in.test.ts'];
const PILLAR_TESTS = ['test/unit/channel/pillar.test.ts'];
const PUBLICATION_TESTS = ['test/unit/channel/publication.test.ts'];
const EVENT_TESTS = ['test/unit/daemon/master/events.test.ts'];
const KEY_TESTS = ['test/unit/daemon/keys-decision.test.ts'];
const PEM_TESTS = ['test/unit/codec/pem.test.ts'];
const FILE_TESTS = ['test/unit/daemon/master/files.test.ts'];
const PKI_TESTS = ['test/unit/pki/minion-id.test.ts'];
const SECRET_TESTS = ['test/integration/master.test.ts'];

function guard(name: string, file: string, source: string, without: string, tests: readonly string[]): Guard {
  return { name, file, source, without, tests };
}

/** All of them. */
export const GUARDS: readonly Guard[] = [
  // the envelope
  guard('the minimum version', ENVELOPE, 'Math.max(minimumVersion, PROTOCOL_VERSION)', '0', DOOR_TESTS),
  guard(
    'the list of keys of an envelope',
    ENVELOPE,
    "if (!KEYS.has(key)) return refused('shape');",
    'if (!KEYS.has(key)) continue;',
    DOOR_TESTS,
  ),
  guard(
    'the two words of enc',
    ENVELOPE,
    "if (enc === 'aes') return sealed(map, load);",
    'if (enc !== 0) return sealed(map, load);',
    DOOR_TESTS,
  ),
  guard(
    'the limit on clear requests',
    ENVELOPE,
    "hasCollections(cursor, pairs ?? 0)) return refused('too-large')",
    "hasCollections(cursor, pairs ?? 0) && payload.length < 0) return refused('too-large')",
    DOOR_TESTS,
  ),
  // the door of the master
  guard(
    'the HMAC',
    'src/codec/crypticle.ts',
    "if (!timingSafeEqual(expected, blob.subarray(blob.length - HMAC_BYTES))) return refused('hmac');",
    'timingSafeEqual(expected, expected);',
    ['test/unit/codec/crypticle.test.ts'],
  ),
  guard(
    'the nonce in a reply',
    'src/codec/crypticle.ts',
    "if (found.length !== wanted.length || !timingSafeEqual(found, wanted)) return refused('nonce');",
    'if (found.length !== wanted.length) timingSafeEqual(found, found);',
    ['test/unit/codec/crypticle.test.ts', ...DOOR_TESTS],
  ),
  guard(
    'the id in the load against that of the envelope',
    OPEN_REQUEST,
    'if (inner !== id) return',
    'if (inner === undefined) return',
    DOOR_TESTS,
  ),
  guard(
    'the rule for ids',
    OPEN_REQUEST,
    'if (!isMinionId(id)) return',
    'if (id === undefined) return',
    DOOR_TESTS,
  ),
  guard(
    'the window of ts',
    OPEN_REQUEST,
    'ttlSeconds > 0 && Math.abs(age) > ttlSeconds',
    'ttlSeconds > 0 && age > Infinity',
    DOOR_TESTS,
  ),
  guard(
    'the window of ts, of the future',
    OPEN_REQUEST,
    'Math.abs(age) > ttlSeconds',
    'age > ttlSeconds',
    DOOR_TESTS,
  ),
  guard(
    'the token',
    OPEN_REQUEST,
    '|| !door.tokens.check(minionKey, token))',
    '|| door.tokens.check(minionKey, token) === undefined)',
    DOOR_TESTS,
  ),
  guard(
    'the message that a token has to sign',
    'src/channel/verified-tokens.ts',
    'if (message?.length !== SIGNED.length || !timingSafeEqual(message, SIGNED)) return false;',
    'if (message === undefined) timingSafeEqual(SIGNED, SIGNED);',
    ['test/unit/channel/sessions.test.ts', ...DOOR_TESTS],
  ),
  guard(
    'the form of a nonce',
    OPEN_REQUEST,
    "typeof nonce !== 'string' || !isNonce(nonce)) return",
    "typeof nonce !== 'string') return",
    DOOR_TESTS,
  ),
  guard(
    'the memory of nonces',
    'src/channel/replay-guard.ts',
    "if (this.#now.has(nonce) || this.#before.has(nonce)) return 'replay';",
    '',
    [...DOOR_TESTS, 'test/unit/channel/sessions.test.ts'],
  ),
  guard(
    'the floor under old requests',
    'src/channel/replay-guard.ts',
    "if (ts < this.#floor) return 'too-old';",
    '',
    ['test/unit/channel/sessions.test.ts'],
  ),
  guard(
    'the serial that only publications have',
    OPEN_REQUEST,
    "if (whole.has('serial')) return refuse('serial', { id });",
    '',
    DOOR_TESTS,
  ),
  guard(
    'the list of clear commands',
    'src/codec/load/commands.ts',
    "const shape = CLEAR.get(map.get('cmd'));",
    "const shape = CLEAR.get(map.get('cmd')) ?? CLEAR.get('ping');",
    DOOR_TESTS,
  ),
  guard(
    'the list of commands of minions',
    'src/codec/load/commands.ts',
    "const shape = OF_MINIONS.get(map.get('cmd'));",
    "const shape = OF_MINIONS.get(map.get('cmd')) ?? OF_MINIONS.get('_minion_event');",
    DOOR_TESTS,
  ),
  guard(
    'the list of fields of a command',
    'src/codec/load/fields.ts',
    "return { kind: 'refused', why: `${JSON.stringify(name)} does not belong there` };",
    'if (name === undefined) break;',
    ['test/unit/codec/load.test.ts'],
  ),
  // the sign-in, at the minion
  guard(
    'the signature of a sign-in',
    SIGN_IN,
    'if (!verifyPkcs1(key, sigAlgorithm, outer.load, outer.signature)) {',
    'if (verifyPkcs1(key, sigAlgorithm, outer.load, outer.signature) === undefined) {',
    SIGN_IN_TESTS,
  ),
  guard(
    'the signature of a verdict',
    SIGN_IN,
    'pinned === undefined ? checkNonce(attempt, map) : checkOuter(attempt, map, outer, parsePublicKey(pinned));',
    'outer.load.length > 0 ? checkNonce(attempt, map) : undefined;',
    SIGN_IN_TESTS,
  ),
  guard(
    'the nonce of a sign-in',
    SIGN_IN,
    "map.get('nonce') === attempt.nonce ?",
    "map.get('nonce') !== attempt ?",
    SIGN_IN_TESTS,
  ),
  guard(
    'the pinned key',
    SIGN_IN,
    'if (pinned !== undefined && !openMode)',
    'if (pinned === null && !openMode)',
    SIGN_IN_TESTS,
  ),
  guard(
    'who vouches for a new key',
    SIGN_IN,
    'return isVouchedFor(pem, signature, masterSignKey, options.sigAlgorithm ?? DEFAULT_SIGNING)',
    'return isVouchedFor(pem, signature, masterSignKey, options.sigAlgorithm ?? DEFAULT_SIGNING) || pem',
    SIGN_IN_TESTS,
  ),
  guard(
    'the digest of the publish key',
    SIGN_IN,
    "if (digest === undefined || !isSame(digest, createHash('sha256').update(publishKey).digest('hex'))) {",
    "if (digest !== undefined && isSame(digest, createHash('sha256').update('').digest('hex'))) {",
    SIGN_IN_TESTS,
  ),
  guard(
    'the echo of the token',
    SIGN_IN,
    'if (echo === undefined || !isSame(echo, identity.token())) {',
    "if (echo !== undefined && isSame(echo, '')) {",
    SIGN_IN_TESTS,
  ),
  guard(
    'master_finger',
    SIGN_IN,
    "masterFinger !== '' && fingerprint(",
    "masterFinger === '-' && fingerprint(",
    SIGN_IN_TESTS,
  ),
  // pillar and publications
  guard(
    'the signature of a pillar',
    PILLAR,
    'if (!verifyPkcs1(this.#masterKey, this.#sigAlgorithm, data, signature)) {',
    'if (verifyPkcs1(this.#masterKey, this.#sigAlgorithm, data, signature) === undefined) {',
    PILLAR_TESTS,
  ),
  guard(
    'the inner key of a pillar',
    PILLAR,
    'if (innerKey?.length !== reply.key.length || !timingSafeEqual(innerKey, reply.key)) {',
    'if (innerKey !== undefined && !timingSafeEqual(innerKey, innerKey)) {',
    PILLAR_TESTS,
  ),
  guard(
    'the nonce of a pillar',
    PILLAR,
    "if (inner?.get('nonce') !== nonce) {",
    'if (inner === undefined) {',
    PILLAR_TESTS,
  ),
  guard(
    'the signature of a publication',
    PUBLICATION,
    "if (!verifyPkcs1(this.#masterKey, sigAlgorithm, blob, signature)) return dropped('signature');",
    'verifyPkcs1(this.#masterKey, sigAlgorithm, blob, signature);',
    PUBLICATION_TESTS,
  ),
  guard(
    'that a publication is signed',
    PUBLICATION,
    "if (signature === undefined) return dropped('unsigned');",
    'if (signature === undefined) return this.#readLoad(Buffer.alloc(0));',
    PUBLICATION_TESTS,
  ),
  guard(
    'the serial of publications',
    PUBLICATION,
    '|| serial <= this.#serial) return',
    ') return',
    PUBLICATION_TESTS,
  ),
  guard(
    'the memory of job ids',
    PUBLICATION,
    "if (!this.#recentJids.add(job.jid)) return dropped('duplicate');",
    'this.#recentJids.add(job.jid);',
    PUBLICATION_TESTS,
  ),
  // tags
  guard(
    'the deny-list',
    ACL,
    "if (deniedBy(tag) !== undefined) return 'denied';",
    "if (deniedBy(tag) === '') return 'denied';",
    EVENT_TESTS,
  ),
  guard(
    'the id in a tag',
    ACL,
    'owner === ANYBODY || owner === id ?',
    'owner === ANYBODY || id !== tag ?',
    EVENT_TESTS,
  ),
  guard(
    'what only a master fires',
    ACL,
    "return isMasterWord(tag) ? 'acl' : undefined;",
    'return isMasterWord(tag) ? undefined : undefined;',
    EVENT_TESTS,
  ),
  guard(
    'the check of the pretagged tag',
    'src/daemon/master/events/minion-event.ts',
    "out.add(typeof pretag === 'string' ? tagify(tag, '', pretag) : pretag, data);",
    "if (isMap(data)) out.addOwn(typeof pretag === 'string' ? tagify(tag, '', pretag) : '', data);",
    EVENT_TESTS,
  ),
  guard(
    'the removal of a forged sender',
    'src/daemon/master/events/origin.ts',
    'clean.delete(METADATA_KEY);',
    '',
    EVENT_TESTS,
  ),
  guard(
    'that a return is of its sender',
    'src/daemon/master/events/return-event.ts',
    'if (resource !== undefined && resource !== sender) {',
    'if (resource === null) {',
    EVENT_TESTS,
  ),
  // names and paths
  guard('slashes in ids', NAMES, '!/[/\\\\]/.test(id) &&', '', PKI_TESTS),
  guard('dots in front of ids', NAMES, "!id.startsWith('.') &&", '', PKI_TESTS),
  guard('the form of a job id', NAMES, 'return JID.test(text);', "return text !== '';", [
    'test/unit/codec/load.test.ts',
    'test/integration/guards-verified.test.ts',
  ]),
  guard(
    'the way up in a path',
    'src/daemon/master/files/request-path.ts',
    "if (path.split('/').includes('..')) return undefined;",
    '',
    FILE_TESTS,
  ),
  guard(
    'the start of a path',
    'src/daemon/master/files/request-path.ts',
    "|| isUnsafe(path) || path.startsWith('/')) return undefined;",
    '|| isUnsafe(path)) return undefined;',
    FILE_TESTS,
  ),
  guard(
    'environments that are paths',
    'src/daemon/master/files/request-path.ts',
    "|| isUnsafe(name) || name.includes('/') ?",
    '|| isUnsafe(name) ?',
    FILE_TESTS,
  ),
  guard(
    'links that lead out of a root',
    'src/daemon/master/files/find-file.ts',
    'return isBelow(realRoot, realPath) ? realPath : undefined;',
    'return isBelow(realRoot, realRoot) ? realPath : undefined;',
    FILE_TESTS,
  ),
  // keys and secrets
  guard('the least size of a key', 'src/codec/rsa/pem.ts', 'modulusLength < LEAST_BITS || ', '', PEM_TESTS),
  guard(
    'the kind of a key',
    'src/codec/rsa/pem.ts',
    "if (key.asymmetricKeyType !== 'rsa') throw unusable('it is no RSA key');",
    "if (key.asymmetricKeyType !== 'rsa') return key;",
    PEM_TESTS,
  ),
  guard(
    'another key for an accepted id',
    'src/daemon/master/keys/decision.ts',
    'if (standing.pem !== pem) return deny(id, pem); // 5',
    '',
    KEY_TESTS,
  ),
  guard(
    'another key for a pending id',
    'src/daemon/master/keys/decision.ts',
    'if (stored !== pem) return deny(id, pem); // 11, 13',
    '',
    KEY_TESTS,
  ),
  guard(
    'the bound on pending keys',
    'src/daemon/master/keys/decision.ts',
    'if (pending.count >= pending.most) return',
    'if (pending.count < 0) return',
    KEY_TESTS,
  ),
  guard(
    'the rate of new keys',
    'src/daemon/master/keys/key-rate.ts',
    'if (this.#left < 1) return false;',
    '',
    ['test/integration/guards-verified.test.ts'],
  ),
  guard(
    'the mode of a private key',
    'src/daemon/master/keys/safety.ts',
    'if ((stat.mode & forbidden) !== 0) {',
    'if (forbidden === 0) {',
    ['test/integration/guards-minion.test.ts'],
  ),
  guard(
    'the mode of a key directory',
    'src/daemon/master/keys/safety.ts',
    'if ((stat.mode & 0o022) !== 0) {',
    'if (stat.mode === 0) {',
    ['test/integration/guards-minion.test.ts'],
  ),
  guard(
    'the secret of the command line',
    'src/daemon/master/local-client.ts',
    'if (isExternal || this.#parts.secrets.userOf(load.key) === undefined) {',
    'if (isExternal) {',
    SECRET_TESTS,
  ),
  guard(
    'logins by other means',
    'src/daemon/master/local-client.ts',
    'if (isExternal || this',
    'if (this',
    SECRET_TESTS,
  ),
  // limits
  guard(
    'turns on the request port',
    'src/transport/zmtp/turns.ts',
    'if (taker.taken >= this.#each) {',
    'if (taker.taken < 0) {',
    ['test/unit/transport/zmtp-sockets.test.ts'],
  ),
  guard(
    'connections of one address',
    'src/transport/zmtp/server.ts',
    '|| ofAddress >= maxPerAddress) {',
    '|| ofAddress < 0) {',
    ['test/unit/transport/zmtp-sockets.test.ts'],
  ),
  guard(
    'topics of a subscriber',
    'src/transport/zmtp/pub-subscriber.ts',
    'this.#topics.size >= maxSubscriptions',
    'this.#topics.size < 0',
    ['test/unit/transport/zmtp-sockets.test.ts'],
  ),
];
