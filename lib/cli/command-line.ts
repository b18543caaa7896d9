import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError } from '../types/index.js'
import type { CommandOption } from './command-options.js'
import { type CommandEntry, commands, type LoadedCommand } from './commands.js'
import { errorText, type ExitCode, exitCodeOf } from './outcome.js'
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

const described = (name: string, { kind, standard, meaning }: CommandOption<unknown>): Option =>
  kind.type === 'boolean'
    ? new Option(`--${name}`, meaning)
    : new Option(
        `--${name} <${kind.type.includes('|') ? 'name' : kind.type}>`,
        `${meaning} (${kind.allowed}; default: ${standard})`,
      )

/** Adds a command to the list; only the one that is asked for is loaded. */
const addCommand = (
  root: Command,
  [name, entry]: readonly [string, CommandEntry],
  loaded: LoadedCommand | undefined,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): void => {
  const command = root
    .command(name)
    .summary(entry.summary)
    .description(entry.description)
    .showHelpAfterError(`deriva ${name} --help tells more.`)
  // The options of a configuration are many, and read by their own room: commander passes the words on.
  if (entry.argument === undefined)
    command.usage('[config.json] [--key value | --key=value ...]').allowUnknownOption().allowExcessArguments()
  else if (entry.argument !== '') command.argument(entry.argument, entry.argumentMeaning)
  if (loaded === undefined) return
  for (const [flag, row] of Object.entries(loaded.options)) command.addOption(described(flag, row))
  const { details } = loaded
  command
    .addHelpText('after', `${details === undefined ? '' : `\n${details(terminal.columns)}\n`}${exitCodes}`)
    .action(async () => {
      done(
        await finish(
          loaded.run({ words: command.args, flags: command.opts<Record<string, string | true>>() }, terminal),
          terminal,
        ),
      )
    })
}

const program = (
  terminal: Terminal,
  asked: string | undefined,
  loaded: LoadedCommand | undefined,
  done: (code: ExitCode) => void,
): Command => {
  const root = new Command('deriva')
    .description(
      'Trains diffusion and flow-matching models on latents that the model itself has denoised part of the way (scheduled sampling), with ONNX Runtime.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showHelpAfterError('deriva --help tells more.')
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
  for (const entry of Object.entries(commands))
    addCommand(root, entry, entry[0] === asked ? loaded : undefined, terminal, done)
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
  // `deriva help train` is what one tries first.
  const [first, ...others] = words
  const known = others.length === 0 || Object.hasOwn(commands, others[0])
  const asking = first === 'help' ? [...others, ...(known ? ['--help'] : [])] : words
  const asked = asking.at(0)
  const entry = Object.entries<CommandEntry>(commands).find(([name]) => name === asked)?.[1]
  const root = program(terminal, asked, await entry?.load(), (given) => {
    code = given
  })
  try {
    await root.parseAsync(asking, { from: 'user' })
    return code
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    return cause.exitCode === 0 ? 0 : 2
  }
}
