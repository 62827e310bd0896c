import { Option } from 'commander';
import type { Command } from 'commander';
import { parseCall, typedArgument } from '../../client/run/arguments.ts';
import { connectMaster } from '../../client/run/connect-master.ts';
import { MASTER_BUS, checkReturnTag } from '../../client/run/return-tag.ts';
import type { PublishOptions } from '../../client/run/run-options.ts';
import { SaltbusError } from '../../errors.ts';
import { parseDuration } from '../duration.ts';
import { EXIT } from '../exit-codes.ts';
import { positive } from '../option-values.ts';
import { StdoutWriter } from '../output/writer.ts';
import { RETURN_FORMS } from '../run/returns.ts';
import type { ReturnForm } from '../run/returns.ts';
import { runJob } from '../run/run-job.ts';
import type { JobToRun } from '../run/run-job.ts';
import { addTargetFlags, targetOf } from '../run/target-flags.ts';
import type { TargetFlags } from '../run/target-flags.ts';
import { onStopSignal } from '../stop-signal.ts';
import { paintFor } from '../terminal.ts';

interface RunFlags extends TargetFlags {
  readonly configDir?: string;
  readonly dialect?: string;
  readonly wait?: boolean | number;
  readonly timeout?: number;
  readonly gatherJobTimeout?: number;
  readonly batch?: string;
  readonly batchWait?: number;
  readonly failhard?: boolean;
  readonly async?: boolean;
  readonly subset?: number;
  readonly static?: boolean;
  readonly hideTimeout?: boolean;
  readonly summary?: boolean;
  readonly argsSeparator?: string;
  readonly parse: boolean;
  readonly return?: string;
  readonly returnConfig?: string;
  readonly returnKwargs?: string;
  readonly tag?: string;
  readonly metadata?: string;
  readonly out: ReturnForm | 'auto';
  readonly color: boolean;
}

const EXAMPLES = `
ARGS are typed as Salt types them on its own command line, and k=v is a keyword. Words that begin with - go behind --.

Examples:
  saltbus run '*' test.ping
  saltbus run -G os:Debian cmd.run 'uptime' -t 30
  saltbus run -C 'web* and not L@web3' pkg.install nginx refresh=True --batch 10%
  saltbus run '*' cmd.run_all '/usr/lib/nagios/plugins/check_procs -w 150' --return master_bus --tag monitoring
  saltbus run '*' test.ping,cmd.run , uptime

Exit codes: 0 all answered and went well; 1 somebody failed or did not answer; 2 nobody matched; 64 usage; 69 no master;
77 no permission; 78 configuration; 124 the master does not answer; 130 interrupted: the job goes on.
`;

/** Adds `saltbus run`. */
export default function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('run a function on minions')
    .argument('<target>', 'which minions')
    .argument('<fun>', 'the function, or several with commas between them')
    .argument('[args...]', 'its arguments')
    .optionsGroup('Which master:')
    .option(
      '-c, --config-dir <dir>',
      "Salt's configuration directory (default: $SALT_CONFIG_DIR, or /etc/salt)",
    )
    .option('--dialect <dialect>', 'of its bus: auto, or a Salt release such as 3007.17', 'auto')
    .option('--wait [duration]', 'wait for a master that is not up yet', parseDuration);
  addTargetFlags(command);
  command
    .optionsGroup('How it runs:')
    .option('-t, --timeout <duration>', 'how long to wait before asking who still works', parseDuration)
    .option('--gather-job-timeout <duration>', 'how long to wait for their answers', parseDuration)
    .option('-b, --batch <size>', 'on so many at a time: 5, or 10%')
    .option('--batch-wait <duration>', 'wait before the place of one that ended is filled', parseDuration)
    .option('--failhard', 'with --batch: begin with nobody more after a failure')
    .option('--async', 'print the job id, and wait for nobody')
    .option('--subset <n>', 'on so many that have the function, picked at random', positive)
    .option('--args-separator <text>', 'between the arguments of several functions (default: ",")')
    .option('--no-parse', 'take arguments as text, without types and keywords')
    .option('--metadata <value>', 'travels with the job, and comes back with each return')
    .optionsGroup('Where returns go besides:')
    .option('--return <names>', 'returners of the minions, with commas between them')
    .addOption(new Option('--ret <names>').hideHelp())
    .option('--return-config <name>', 'the part of their configuration that they read')
    .option('--return-kwargs <map>', 'what they are given: {tag: monitoring}')
    .option('--tag <tag>', `with --return ${MASTER_BUS}: the tag, which may hold {id}, {fun} and {jid}`)
    .optionsGroup('Output:')
    .addOption(
      new Option('-o, --out <form>', 'form of output: auto is pretty on a terminal and ndjson in a pipe')
        .choices(['auto', ...RETURN_FORMS])
        .default('auto'),
    )
    .option('-s, --static', 'print all returns at the end, as one')
    .option('--hide-timeout', 'do not name minions that did not answer')
    .option('--summary', 'say at the end how many answered')
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
    .addHelpText('after', EXAMPLES)
    .action(async (target: string, fun: string, args: string[], flags: RunFlags) => {
      process.exitCode = await run(target, fun, args, flags);
    });
  // as Salt spells them
  for (const [name, value] of [
    ['--output', '<form>'],
    ['--batch-size', '<size>'],
    ['--return_config', '<name>'],
    ['--return_kwargs', '<map>'],
  ] as const) {
    command.addOption(new Option(`${name} ${value}`).hideHelp());
  }
}

async function run(target: string, fun: string, args: readonly string[], given: RunFlags): Promise<number> {
  const flags = withAliases(given);
  const job = jobOf(target, fun, args, flags);
  const form = flags.out === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'ndjson') : flags.out;
  const stop = new AbortController();
  onStopSignal(() => {
    stop.abort();
  });
  const out = new StdoutWriter(stop.signal);
  try {
    await using master = await connectMaster({
      signal: stop.signal,
      ...(flags.configDir === undefined ? {} : { configDir: flags.configDir }),
      ...(flags.dialect === undefined ? {} : { dialect: flags.dialect }),
      ...(flags.wait === undefined ? {} : { wait: flags.wait }),
    });
    const code = await runJob(
      { master, out, signal: stop.signal, form, paint: paintFor(process.stdout, flags.color) },
      job,
    );
    await out.finish(code);
    return code;
  } catch (error) {
    if (stop.signal.aborted && error instanceof SaltbusError && error.code === 'ERR_SALTBUS_ABORTED')
      return EXIT.interrupted;
    throw error;
  }
}

interface SaltSpellings {
  readonly output?: string;
  readonly batchSize?: string;
  readonly ret?: string;
  readonly return_config?: string;
  readonly return_kwargs?: string;
}

function withAliases(flags: RunFlags & SaltSpellings): RunFlags {
  const out = flags.output ?? flags.out;
  if (out !== 'auto' && !RETURN_FORMS.some((form) => form === out)) {
    throw usage(`'${out}' is no form of output`, `Forms are ${RETURN_FORMS.join(', ')}.`);
  }
  const pick = (name: keyof RunFlags, other: string | undefined): object =>
    other === undefined ? {} : { [name]: other };
  return {
    ...flags,
    out: out as RunFlags['out'],
    ...pick('batch', flags.batchSize),
    ...pick('return', flags.ret),
    ...pick('returnConfig', flags.return_config),
    ...pick('returnKwargs', flags.return_kwargs),
  };
}

function jobOf(target: string, fun: string, args: readonly string[], flags: RunFlags): JobToRun {
  checkFlags(flags);
  const call = flags.parse ? parseCall(fun, args, flags.argsSeparator) : { fun, arg: [...args] };
  return {
    target: targetOf(target, flags),
    fun: call.fun,
    publish: { args: call.arg, ...returnerOf(flags), ...metadataOf(flags) },
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    ...(flags.gatherJobTimeout === undefined ? {} : { gatherJobTimeoutMs: flags.gatherJobTimeout }),
    ...(flags.batch === undefined ? {} : { batch: flags.batch }),
    ...(flags.batchWait === undefined ? {} : { batchWaitMs: flags.batchWait }),
    failHard: flags.failhard === true,
    isAsync: flags.async === true,
    ...(flags.subset === undefined ? {} : { subset: flags.subset }),
    isStatic: flags.static === true,
    hidesTimeouts: flags.hideTimeout === true,
    summary: flags.summary === true,
  };
}

function checkFlags(flags: RunFlags): void {
  if (flags.async === true && flags.batch !== undefined)
    throw usage('--async waits for nobody, and --batch has to', 'Leave one of them out.');
  if (flags.async === true && flags.subset !== undefined)
    throw usage('--async waits for nobody, and --subset has to', 'Leave one of them out.');
  for (const name of ['failhard', 'batchWait'] as const) {
    if (flags[name] !== undefined && flags.batch === undefined)
      throw usage(`${name === 'failhard' ? '--failhard' : '--batch-wait'} goes with --batch`, 'Add --batch.');
  }
  for (const name of ['timeout', 'gatherJobTimeout'] as const) {
    if (flags[name] === 0)
      throw usage('A timeout of 0 waits for nobody', 'Give a longer one, or use --async.');
  }
}

function returnerOf(flags: RunFlags): Partial<PublishOptions> {
  const { tag, returnConfig } = flags;
  const names = flags.return ?? (tag === undefined ? undefined : MASTER_BUS);
  const given = flags.returnKwargs === undefined ? undefined : mapOf(flags.returnKwargs);
  if (names === undefined) {
    if (given !== undefined || returnConfig !== undefined)
      throw usage('Something is given to a returner, and there is none', 'Add --return NAME.');
    return {};
  }
  const isOurs = names.split(',').includes(MASTER_BUS);
  if (tag !== undefined && !isOurs)
    throw usage(`--tag is for the returner ${MASTER_BUS}`, `Add it to --return: ${names},${MASTER_BUS}.`);
  if (tag !== undefined && given?.has('tag') === true)
    throw usage('The tag is given twice', 'Leave it out of --return-kwargs, or leave --tag out.');
  const kwargs = tag === undefined ? given : new Map<unknown, unknown>([...(given ?? []), ['tag', tag]]);
  const template = kwargs?.get('tag');
  if (isOurs && template !== undefined) {
    if (typeof template !== 'string')
      throw usage('The tag in --return-kwargs is no text', 'Put it in quotes.');
    checkReturnTag(template);
  }
  return {
    returner: names,
    ...(kwargs === undefined ? {} : { returnerKwargs: kwargs }),
    ...(returnConfig === undefined ? {} : { returnerConfig: returnConfig }),
  };
}

function mapOf(text: string): ReadonlyMap<unknown, unknown> {
  const value = typedArgument(text);
  if (value instanceof Map) return value as ReadonlyMap<unknown, unknown>;
  throw usage('--return-kwargs is no map', 'Write it like {tag: monitoring}.');
}

function metadataOf({ metadata }: RunFlags): Partial<PublishOptions> {
  return metadata === undefined ? {} : { metadata: typedArgument(metadata) };
}

function usage(message: string, next: string): SaltbusError {
  return new SaltbusError('ERR_SALTBUS_USAGE', message, { next });
}
