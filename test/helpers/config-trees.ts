/** Configuration directories, as file names and texts: for what Salt, and we, make of them. */

export type ConfigTree = Readonly<Record<string, string>>;

const LONG = 'x'.repeat(40);

export const CONFIG_TREES: Readonly<Record<string, ConfigTree>> = {
  empty: {},
  'main file only': { minion: 'id: web01\nhash_type: MD5\n', master: 'sock_dir: /tmp/m\n' },
  'drop-ins replace, the last name wins': {
    minion: 'id: main\nhash_type: md5\nsock_dir: /main\n',
    'minion.d/10.conf': 'id: ten\nsock_dir: /ten\n',
    'minion.d/20.conf': 'id: twenty\n',
    'minion.d/.hidden.conf': 'id: hidden\n',
    'minion.d/30.txt': 'id: text\n',
  },
  'include comes last, and may include': {
    minion: 'id: main\ninclude: more/*.yml\n',
    'minion.d/a.conf': 'id: dropin\n',
    'more/a.yml': 'id: included\ninclude: deeper.conf\n',
    'more/deeper.conf': 'sock_dir: /deeper\nhash_type: sha1\n',
  },
  'a list of includes': {
    minion: 'include:\n  - one.conf\n  - two.conf\n',
    'one.conf': 'id: one\nsock_dir: /one\n',
    'two.conf': 'id: two\n',
  },
  'root_dir is put before paths that are not below it': {
    minion: 'id: a\nroot_dir: /r\nsock_dir: /s\n',
    master: 'root_dir: /r\nsock_dir: /r/s\n',
  },
  'root_dir and a relative path': {
    minion: 'id: a\nroot_dir: /r/\nsock_dir: s/t\n',
    master: 'root_dir: /r\n',
  },
  'a long sock_dir moves': {
    minion: `id: a\ncachedir: /c\nsock_dir: /${LONG}\n`,
    master: `cachedir: /var/c\nsock_dir: /${LONG}\n`,
  },
  'just short enough': {
    minion: 'id: a\ncachedir: /cc\nsock_dir: /0123456789ab\n',
    master: 'cachedir: /cc\nsock_dir: /0123456789abc\n',
  },
  'a numeric id': { minion: 'id: 12\n' },
  'an id with a leading zero': { minion: 'id: 007\n' },
  append_domain: { minion: 'id: web\nappend_domain: example.com\n' },
  'append_domain that is there already': { minion: 'id: web.example.com\nappend_domain: example.com\n' },
  tcp: {
    minion: 'id: a\nipc_mode: tcp\ntcp_pub_port: 5510\n',
    master: 'ipc_mode: tcp\ntcp_master_pull_port: 5513\n',
  },
  max_event_size: { minion: 'id: a\nmax_event_size: 2_000_000\n' },
  'a broken drop-in is left out': {
    minion: 'id: a\n',
    'minion.d/a.conf': 'id: [b\n',
    'minion.d/b.conf': 'hash_type: sha1\n',
  },
  'a key that stands twice in a drop-in': { minion: 'id: a\n', 'minion.d/a.conf': 'id: b\nid: c\n' },
  'another default_include': {
    minion: 'id: a\ndefault_include: conf/*.conf\n',
    'conf/x.conf': 'id: x\n',
    'minion.d/y.conf': 'id: y\n',
  },
  'a byte-order mark': { minion: '\ufeffid: bom\n' },
  'anchors and merges': { minion: 'base: &base\n  a: 1\nother:\n  <<: *base\nid: merged\n' },
};
