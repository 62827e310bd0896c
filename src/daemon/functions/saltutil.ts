/** The functions of the module `saltutil`. */
import { compileGlob } from '../../match/index.ts';
import type { FunctionHost, MinionFunction } from './function.ts';
import { textArgument } from './lookup.ts';

const JID = { named: [{ name: 'jid' }] };

// What real minions say of a signal that they sent (3006.30, 3007.17, 3008.5). Our jobs run inside the daemon: they are told to end.
function signalled(host: FunctionHost, jid: string, signal: number): string {
  return host.killJob(jid) ? `Signal ${signal} sent to job ${jid} at pid ${process.pid}` : '';
}

function jobsThat(host: FunctionHost, isOne: (fun: string, jid: string) => boolean): readonly unknown[] {
  return host.runningJobs().filter((job) => {
    const fun = job.get('fun');
    const names: readonly unknown[] = Array.isArray(fun) ? (fun as unknown[]) : [fun];
    return names.some((name) => isOne(String(name), String(job.get('jid'))));
  });
}

export const saltutilFunctions: readonly MinionFunction[] = [
  {
    name: 'saltutil.find_job',
    doc: "What is known of a job while it runs; nothing when it does not.\n\nCLI Example:\n\n    salt '*' saltutil.find_job <job id>\n",
    parameters: JID,
    isUrgent: true,
    run: ({ named, host }) => {
      const jid = textArgument(named.get('jid'), 'jid');
      return jobsThat(host, (_fun, running) => running === jid)[0] ?? new Map();
    },
  },
  {
    name: 'saltutil.running',
    doc: "All jobs that run.\n\nCLI Example:\n\n    salt '*' saltutil.running\n",
    parameters: {},
    isUrgent: true,
    run: ({ host }) => host.runningJobs(),
  },
  {
    name: 'saltutil.is_running',
    doc: "The jobs that run a function; a glob may be given.\n\nCLI Example:\n\n    salt '*' saltutil.is_running state.highstate\n",
    parameters: { named: [{ name: 'fun' }] },
    isUrgent: true,
    run: ({ named, host }) => {
      const glob = compileGlob(textArgument(named.get('fun'), 'fun'));
      return jobsThat(host, (fun) => glob.test(fun));
    },
  },
  {
    name: 'saltutil.kill_job',
    doc: "Ends a job that runs.\n\nCLI Example:\n\n    salt '*' saltutil.kill_job <job id>\n",
    parameters: JID,
    isUrgent: true,
    run: ({ named, host }) => signalled(host, textArgument(named.get('jid'), 'jid'), 9),
  },
  {
    name: 'saltutil.term_job',
    doc: "Ends a job that runs.\n\nCLI Example:\n\n    salt '*' saltutil.term_job <job id>\n",
    parameters: JID,
    isUrgent: true,
    run: ({ named, host }) => signalled(host, textArgument(named.get('jid'), 'jid'), 15),
  },
  {
    name: 'saltutil.refresh_grains',
    doc: "Reads the grains again, and has the pillar made anew.\n\nCLI Example:\n\n    salt '*' saltutil.refresh_grains\n",
    parameters: {
      named: [
        { name: 'refresh_pillar', default: true },
        { name: 'clean_pillar_cache', default: false },
      ],
    },
    run: async ({ named, host }) => {
      await host.refreshGrains();
      if (named.get('refresh_pillar') !== false) await host.freshPillar();
      return true;
    },
  },
  {
    name: 'saltutil.refresh_pillar',
    doc: "Has the master make the pillar anew.\n\nCLI Example:\n\n    salt '*' saltutil.refresh_pillar\n",
    parameters: {
      named: [
        { name: 'wait', default: false },
        { name: 'timeout', default: 30 },
        { name: 'clean_cache', default: true },
      ],
    },
    run: async ({ host }) => {
      await host.freshPillar();
      return true;
    },
  },
  {
    name: 'saltutil.sync_all',
    doc: "Fetches nothing: this minion runs no Python modules.\n\nCLI Example:\n\n    salt '*' saltutil.sync_all\n",
    parameters: {
      named: [
        { name: 'saltenv', default: null },
        { name: 'refresh', default: true },
        { name: 'extmod_whitelist', default: null },
        { name: 'extmod_blacklist', default: null },
        { name: 'clean_pillar_cache', default: false },
      ],
    },
    run: () => new Map(),
  },
];
