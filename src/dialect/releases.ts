/**
 * What each Salt release speaks on its local event bus, as data.
 *
 * A release is listed where its behaviour begins; it holds up to the next entry of the same line. Seen by running the
 * releases named in `docs/wire/local-bus.md`; the framing changed inside the 3006, 3007 and 3008 lines.
 */
import type { Framing } from '../codec/framing.ts';

/** The framings of the two sockets. */
export interface Dialect {
  /** What a subscriber reads. */
  readonly pub: Framing;
  /** What a firing program writes. */
  readonly pull: Framing;
}

/** What our own broker copies from a release, besides the framings. */
export interface ReleaseTraits {
  /** The release from which on this holds. */
  readonly since: string;
  /** Its line, such as 3007. */
  readonly line: number;
  readonly dialect: Dialect;
  /** `_stamp` with a zone (`+00:00`), as Salt 3008.0 and later write it. */
  readonly zonedStamp: boolean;
  /** Mode of the master's publish socket without `publisher_acl` or `external_auth`. */
  readonly masterPubMode: number;
}

/** The dialects by name, as options take them. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  bare: { pub: 'bare', pull: 'bare' },
  prefixed: { pub: 'prefixed', pull: 'prefixed' },
  'prefixed-pull': { pub: 'bare', pull: 'prefixed' },
};

/** The name of a dialect: bare, prefixed both ways, prefixed on the pull socket only. */
export type DialectName = 'bare' | 'prefixed' | 'prefixed-pull';

function traits(since: string, name: DialectName, masterPubMode: number, zonedStamp = false): ReleaseTraits {
  const line = Number(since.slice(0, 4));
  return { since, line, dialect: DIALECTS[name], masterPubMode, zonedStamp };
}

const RELEASES: readonly ReleaseTraits[] = [
  traits('3000', 'bare', 0o600),
  traits('3006.26', 'prefixed', 0o600),
  traits('3007.0', 'bare', 0o600),
  traits('3007.2', 'bare', 0o660),
  traits('3007.15', 'prefixed-pull', 0o660),
  traits('3008.0', 'bare', 0o660, true),
  traits('3008.2', 'prefixed-pull', 0o660, true),
];

/** The release whose traits are taken when none is known. */
export const NEWEST_RELEASE = '3008.5';

/** Reads `3006.30` into numbers; `undefined` for what is no Salt release from 3000 on. */
function parseRelease(release: string): readonly [number, number] | undefined {
  const match = /^(3\d{3})(?:\.(\d{1,3}))?(?:rc\d+)?$/.exec(release);
  return match === null ? undefined : [Number(match[1]), Number(match[2] ?? 0)];
}

function atLeast(release: readonly [number, number], since: readonly [number, number]): boolean {
  return release[0] > since[0] || (release[0] === since[0] && release[1] >= since[1]);
}

/** What a release speaks; `undefined` for what is no release from 3000 on. A release newer than all known is taken for the newest. */
export function traitsOfRelease(release: string): ReleaseTraits | undefined {
  const wanted = parseRelease(release);
  if (wanted === undefined) return undefined;
  return RELEASES.findLast((entry) => atLeast(wanted, parseRelease(entry.since) ?? [0, 0]));
}
