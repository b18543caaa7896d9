import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError } from '../types/index.js'
import { type CommandOptions, decodeOptions, type Given } from './command-options.js'
import type { ExitCode } from './outcome.js'
import type { Terminal } from './terminal.js'

/** What follows a command's name: words, and the texts of its own flags; a flag without a text is `true`. */
export type Words = {
  readonly words: ReadonlyArray<string>
  readonly flags: Readonly<Record<string, string | true>>
}

/** A command loaded: its own flags, and what it does. */
export type LoadedCommand = {
  readonly options: CommandOptions
  readonly run: (given: Words, terminal: Terminal) => TE.TaskEither<DerivaError, ExitCode>
  /** What its help says below the flags; `columns` of the terminal. */
  readonly details?: (columns: number) => string
}

/** A command as the list of commands shows it. What it needs is loaded when it is asked for, so that help takes no time. */
export type CommandEntry = {
  readonly summary: string
  readonly description: string
  /** As in `<RUN>`, empty where there is none; undefined where the flags are those of a configuration, which the command reads itself. */
  readonly argument: string | undefined
  /** What the argument is. */
  readonly argumentMeaning: string
  readonly load: () => Promise<LoadedCommand>
}

const withOptions = <Table extends CommandOptions>(
  options: Table,
  run: (
    words: ReadonlyArray<string>,
    options: Given<Table>,
    terminal: Terminal,
  ) => TE.TaskEither<DerivaError, ExitCode>,
): LoadedCommand => ({
  options,
  run: ({ words, flags }, terminal) =>
    pipe(
      TE.fromEither(decodeOptions(options, flags)),
      TE.chainW((given) => run(words, given, terminal)),
    ),
})

/** Every command, in the order of the help. */
export const commands = {
  train: {
    summary: 'train a model',
    description: 'Trains a model as a configuration file and flags say; flags override the file.',
    argument: undefined,
    argumentMeaning: 'a configuration file',
    load: async () => {
      const [{ trainCommand }, { optionsHelp }] = await Promise.all([
        import('./train-command.js'),
        import('../config/manual.js'),
      ])
      return {
        options: {},
        run: ({ words }, terminal) => trainCommand(words, terminal),
        details: (columns) =>
          `${optionsHelp(columns)}\n\nA run folder holds config.json, dataset.json, metrics.jsonl, samples/, checkpoint-*/, model.onnx and report.html.\nCtrl-C ends a run after the step under way, with a checkpoint; a second one ends it at once. A terminal that closes is like the first, even under nohup;\nwhat goes on without one: setsid npx deriva train config.json > log 2>&1 &`,
      }
    },
  },
  plan: {
    summary: 'tell what a configuration will cost, before it runs',
    description:
      'Prints the evaluations, the time and the memory that a configuration will take, after timing a few of its steps, and what is to be said about it. Writes nothing.',
    argument: undefined,
    argumentMeaning: 'a configuration file',
    load: async () => {
      const [{ planCommand }, { optionsHelp }] = await Promise.all([
        import('./plan-command.js'),
        import('../config/manual.js'),
      ])
      return {
        options: {},
        run: ({ words }, terminal) => planCommand(words, terminal),
        details: (columns) =>
          `--no-timing takes no steps: shares of time then follow from evaluations. --json prints everything for programs.\nThe options are those of deriva train:\n\n${optionsHelp(columns)}`,
      }
    },
  },
  inspect: {
    summary: 'say what an ONNX model is, and whether it can be trained',
    description:
      'Says what an ONNX model takes and gives, what it seems to predict, and whether and at what cost it can be trained, all of it or a LoRA.',
    argument: '<MODEL>',
    argumentMeaning: 'an ONNX file',
    load: async () => {
      const [{ inspectCommand }, { inspectOptions }] = await Promise.all([
        import('./inspect/inspect-command.js'),
        import('./inspect/inspect-options.js'),
      ])
      return withOptions(inspectOptions, ([path], options, terminal) =>
        inspectCommand(path, options, terminal),
      )
    },
  },
  sample: {
    summary: 'draw samples with the model of a run',
    description: "Draws samples with a run's model.onnx, into one PNG picture.",
    argument: '<RUN>',
    argumentMeaning: 'the folder of a run',
    load: async () => {
      const [{ sampleCommand }, { sampleOptions }] = await Promise.all([
        import('./sample-command.js'),
        import('./sample-options.js'),
      ])
      return withOptions(sampleOptions, ([folder], options, terminal) =>
        sampleCommand(folder, options, terminal),
      )
    },
  },
  measure: {
    summary: 'measure how far a run drifts',
    description:
      "Rolls held-out samples through the schedule with a run's model.onnx and its own outputs, and measures the drift at every timestep, into measure.json and report.html of the run.",
    argument: '<RUN>',
    argumentMeaning: 'the folder of a run',
    load: async () => {
      const [{ measureCommand }, { measureOptions }] = await Promise.all([
        import('./measure-command.js'),
        import('./measure-options.js'),
      ])
      return withOptions(measureOptions, ([folder], options, terminal) =>
        measureCommand(folder, options, terminal),
      )
    },
  },
  report: {
    summary: 'write the report of a run again, or compare runs',
    description:
      "Writes a run's report.html from what its folder holds now; of two or more runs, a page that compares them.",
    argument: '<RUN...>',
    argumentMeaning: 'the folder of a run, or of each run to compare',
    load: async () => {
      const [{ reportCommand }, { reportOptions }] = await Promise.all([
        import('./report-command.js'),
        import('./report-options.js'),
      ])
      return withOptions(reportOptions, reportCommand)
    },
  },
  devices: {
    summary: 'list what this machine can compute on',
    description:
      'Lists what this machine can compute on: its CPU, CUDA and WebGPU, each with what it is or what is missing, and which of them is taken by itself.',
    argument: '',
    argumentMeaning: '',
    load: async () => {
      const { devicesCommand } = await import('./devices-command.js')
      return { options: {}, run: (_, terminal) => devicesCommand(terminal) }
    },
  },
} as const satisfies Record<string, CommandEntry>

export type CommandName = keyof typeof commands
