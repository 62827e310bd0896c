import type { Command } from 'commander';
import { play } from '../demo/play.ts';
import { Stage } from '../demo/stage.ts';
import { EXIT } from '../exit-codes.ts';

/** Adds `saltbus demo`. */
export default function addDemo(program: Command): void {
  program
    .command('demo')
    .description('show it at work: a master and two minions of our own, sign-in, events there and back')
    .option('--keep', 'leave everything running until Ctrl-C')
    .action(async (flags: { readonly keep?: boolean }) => {
      await show(flags.keep === true);
      process.exitCode = EXIT.ok;
    });
}

async function show(isKept: boolean): Promise<void> {
  const began = performance.now();
  const stage = new Stage();
  try {
    await play(stage);
    if (isKept) {
      stage.say('Left running. Try in another terminal, with --node master -c master for the other bus:');
      stage.show([`cd ${stage.folder}`, 'saltbus fire mytag hello=world --to-master -c web1']);
      stage.say('Ctrl-C ends it.');
      await stage.interrupted();
    }
    stage.say('13. The end: listeners, minions, master');
  } finally {
    await stage.end();
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  stage.say(`Done in ${seconds} s: every event arrived, and nothing is left behind.`);
}
