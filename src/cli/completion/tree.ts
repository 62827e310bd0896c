/**
 * What can be completed, read from the program itself.
 */
import type { Command, Help, Option } from 'commander';

/** What a value is completed with, where it is not one of a few words. */
export type ValueKind = 'nothing' | 'file' | 'directory';

/** A value of an option, or an argument. */
export interface CompletedValue {
  readonly name: string;
  readonly choices: readonly string[];
  readonly kind: ValueKind;
}

/** An option. */
export interface CompletedOption {
  /** As `-n` and `--count`. */
  readonly names: readonly string[];
  readonly description: string;
  /** `undefined` for a switch. */
  readonly value: CompletedValue | undefined;
  /** Whether the value can be left out; it is then no word of its own. */
  readonly isOptional: boolean;
}

/** A command, with what can follow it. */
export interface CompletedCommand {
  /** Its name, then its aliases. */
  readonly names: readonly [string, ...string[]];
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly args: readonly CompletedValue[];
  readonly commands: readonly CompletedCommand[];
}

/** Reads a program. */
export function completionTree(program: Command): CompletedCommand {
  const help = program.createHelp();
  help.showGlobalOptions = true;
  return commandOf(program, help);
}

function commandOf(command: Command, help: Help): CompletedCommand {
  return {
    names: [command.name(), ...command.aliases()],
    description: command.description(),
    options: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map(optionOf),
    args: help.visibleArguments(command).map((arg) => valueOf(arg.name(), arg.argChoices)),
    commands: help.visibleCommands(command).map((child) => commandOf(child, help)),
  };
}

function optionOf(option: Option): CompletedOption {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const name = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
  const value = name === undefined ? undefined : valueOf(name, option.argChoices);
  return { names, description: option.description, value, isOptional: option.optional };
}

function valueOf(name: string, choices: readonly string[] | undefined): CompletedValue {
  return { name, choices: choices ?? [], kind: kindOf(name) };
}

// The words that the usage lines have for what is a path.
function kindOf(name: string): ValueKind {
  if (/^dir\b/.test(name)) return 'directory';
  return /^(file|path)$/.test(name) ? 'file' : 'nothing';
}
