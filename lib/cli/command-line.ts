import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError } from '../types/index.js'
import { errorText, type ExitCode, exitCodeOf } from './outcome.js'
import type { CommandOption, sampleOptions } from './sample-options.js'
import type { Terminal } from './terminal.js'

/** The version in the package's own description. */
const version = (): string => {
  const description: unknown = createRequire(import.meta.url)('../../package.json')
  return typeof description === 'object' && description !== null && 'version' in description
    ? String(description.version)
    : 'unknown'
}

/** Runs a command, and tells what went wrong if something did. */
const finish = async (task: TE.TaskEither<DerivaError, ExitCode>, terminal: Terminal): Promise<ExitCode> => {
  const outcome = await task()
  if (E.isRight(outcome)) return outcome.right
  terminal.tell(errorText(outcome.left))
  return exitCodeOf(outcome.left)
}

const exitCodes = `
Exit codes: 0 done, 1 failed, 2 refused (nothing was written), 130 interrupted after saving.`

/** What only some commands need: loaded for them alone, so that asking for help takes no time. */
type Loaded = { readonly trainHelp: string; readonly sampleTable: typeof sampleOptions | undefined }

const load = async (command: string | undefined, columns: number): Promise<Loaded> => ({
  trainHelp: command === 'train' ? (await import('../config/manual.js')).optionsHelp(columns) : '',
  sampleTable: command === 'sample' ? (await import('./sample-options.js')).sampleOptions : undefined,
})

const described = (name: string, { kind, standard, meaning }: CommandOption<unknown>): Option =>
  new Option(
    `--${name} <${kind.type.includes('|') ? 'name' : kind.type}>`,
    `${meaning} (${kind.allowed}; default: ${standard})`,
  )

const program = (
  terminal: Terminal,
  { trainHelp, sampleTable }: Loaded,
  done: (code: ExitCode) => void,
): Command => {
  const root = new Command('deriva')
    .description(
      'Trains diffusion and flow-matching models on latents that the model itself has denoised part of the way (scheduled sampling), with ONNX Runtime.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        terminal.print(text.trimEnd())
      },
      writeErr: (text) => {
        terminal.tell(text.trimEnd())
      },
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    .addHelpText('after', `\nderiva <command> --help tells more about each.\n${exitCodes}`)
  root
    .command('train')
    .summary('train a model')
    .description('Trains a model as a configuration file and flags say; flags override the file.')
    .usage('[config.json] [--key value | --key=value ...]')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      `\n${trainHelp}\n\nA run folder holds config.json, metrics.jsonl, samples/, checkpoint-*/, model.onnx and report.html.\nCtrl-C ends a run after the step under way, with a checkpoint; a second one ends it at once.\n${exitCodes}`,
    )
    .action(async (_: unknown, command: Command) => {
      const { trainCommand } = await import('./train-command.js')
      done(await finish(trainCommand(command.args, terminal), terminal))
    })
  const sample = root
    .command('sample')
    .summary('draw samples with the model of a run')
    .description("Draws samples with a run's model.onnx, into one PNG picture.")
    .argument('<RUN>', 'the folder of a run')
    .addHelpText('after', exitCodes)
    .action(async (folder: string, raw: Readonly<Record<string, string>>) => {
      const [{ sampleCommand }, { decodeSampleOptions }] = await Promise.all([
        import('./sample-command.js'),
        import('./sample-options.js'),
      ])
      const task = pipe(
        TE.fromEither(decodeSampleOptions(raw)),
        TE.chainW((options) => sampleCommand(folder, options, terminal)),
      )
      done(await finish(task, terminal))
    })
  for (const [name, row] of Object.entries(sampleTable ?? {})) sample.addOption(described(name, row))
  root
    .command('report')
    .summary('write the report of a run again')
    .description("Writes a run's report.html from what its folder holds now.")
    .argument('<RUN>', 'the folder of a run')
    .addHelpText('after', exitCodes)
    .action(async (folder: string) => {
      const { reportCommand } = await import('./report-command.js')
      done(await finish(reportCommand(folder, terminal), terminal))
    })
  return root
}

/**
 * Runs what a command line asks for.
 *
 * @param words the command line, without the program's own name
 * @returns the exit code
 * @example
 * const code: Promise<ExitCode> = commandLine(['--help'], processTerminal)
 */
export const commandLine = async (words: ReadonlyArray<string>, terminal: Terminal): Promise<ExitCode> => {
  let code: ExitCode = 0
  const root = program(terminal, await load(words.at(0), terminal.columns), (given) => {
    code = given
  })
  try {
    await root.parseAsync(words, { from: 'user' })
    return code
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    return cause.exitCode === 0 ? 0 : 2
  }
}
