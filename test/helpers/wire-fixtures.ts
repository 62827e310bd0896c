/** The events that were fired by Salt's own client when the wire fixtures were captured. Bytes are `{"__bytes__": base64}`. */
export const FIXTURE_EVENTS: readonly {
  readonly tag: string;
  readonly data: Readonly<Record<string, unknown>>;
}[] = [
  { tag: 'fixture/first', data: { text: 'x', number: 1 } },
  {
    tag: 'fixture/values',
    data: {
      big: 2 ** 40,
      negative: -129,
      float: 1.5,
      whole: 2.25,
      none: null,
      yes: true,
      list: [1, [2, 'é']],
      map: { a: { b: 'c' } },
    },
  },
  { tag: 'fixture/bytes', data: { raw: { __bytes__: '/wCA' } } },
  { tag: 'fixture/medium', data: { text: 'm'.repeat(400) } },
  { tag: 'fixture/large', data: { text: 'l'.repeat(70_000) } },
  { tag: 'fixture/last', data: {} },
];

/** The tag of the last of them. */
export const LAST_TAG = 'fixture/last';
