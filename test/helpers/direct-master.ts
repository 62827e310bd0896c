/** A master that lets minions in and keeps what they send, behind a ROUTER: for tests of what is sent without a daemon. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { sealReply } from '../../src/channel/answer.ts';
import type { LoadMap } from '../../src/codec/payload/raw-strings.ts';
import { memoryPair } from '../../src/transport/memory.ts';
import { RouterSocket } from '../../src/transport/zmtp/router.ts';
import { privatePemOf, testMaster } from './channel.ts';
import type { TestMaster } from './channel.ts';

/** A master, and what it was asked. */
export interface ServedMaster {
  readonly master: TestMaster;
  readonly router: RouterSocket;
  /** The loads of the encrypted requests, as events of a real master show them. */
  readonly loads: LoadMap[];
  /** How many requests of any kind came. */
  requests: number;
  /** What encrypted requests are answered; a request that is not to be answered at all: `'silence'`. */
  answer: unknown;
  /** Opens a connection to it in memory. */
  readonly open: () => Promise<Duplex>;
}

/** Makes one; its key is that of the name. */
export async function servedMaster(t: TestContext, key = 'master'): Promise<ServedMaster> {
  const master = await testMaster({ key });
  const loads: LoadMap[] = [];
  const router = new RouterSocket({
    onRequest: (_connection, payload, reply) => {
      served.requests += 1;
      const opened = master.open(payload);
      if (opened.kind === 'sign-in') {
        void master.answerSignIn(payload).then(reply);
      } else if (opened.kind === 'authentic') {
        loads.push(opened.whole);
        if (served.answer !== 'silence') reply(sealReply(opened, served.answer));
      } else if (opened.kind === 'refused') reply(opened.answer);
    },
  });
  t.after(() => {
    router.destroy();
  });
  const served: ServedMaster = {
    master,
    router,
    loads,
    requests: 0,
    answer: null,
    open: () => {
      const [ours, theirs] = memoryPair();
      router.attach(ours, { address: '192.0.2.1', port: 1 });
      return Promise.resolve(theirs);
    },
  };
  return served;
}

/** The files of a minion's keys below a folder: its own, and that of its master where a name is given. Returns the `pki_dir`. */
export function minionKeyFiles(folder: string, id: string, masterPublicPem?: string): string {
  const pkiDir = join(folder, 'pki');
  mkdirSync(pkiDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(pkiDir, 'minion.pem'), privatePemOf(id), { mode: 0o400 });
  if (masterPublicPem !== undefined) writeFileSync(join(pkiDir, 'minion_master.pub'), masterPublicPem);
  return pkiDir;
}
