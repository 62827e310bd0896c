import { Argument } from 'commander';
import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { completionTree } from '../completion/tree.ts';
import type { CompletedCommand } from '../completion/tree.ts';
import { zshCompletion } from '../completion/zsh.ts';

type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS: Readonly<Record<Shell, (program: CompletedCommand) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

const EXAMPLES = `
Examples:
  source <(saltbus completion bash)                             for this shell; or in ~/.bashrc
  source <(saltbus completion zsh)                              in ~/.zshrc, after compinit
  saltbus completion fish >~/.config/fish/completions/saltbus.fish
`;

/** Adds `saltbus completion`. */
export default function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print the script that completes saltbus in a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => {
      process.stdout.write(SCRIPTS[shell](completionTree(program)));
    });
}
