import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Config, configError, type ConfigError } from '../config/index.js'
import { chooseDevice, type DeviceChoice, type Engine, openEngine } from '../engine/index.js'
import type { DerivaError } from '../types/index.js'

/** An engine, and what it computes on and why: one line for a person. */
export type DeviceEngine = { readonly engine: Engine; readonly reason: string }

/** What a device cannot do although it is there: undefined, or a refusal. */
type Objection = (engine: Pick<Engine, 'device'>, reason: string) => ConfigError | undefined

const opened = (
  key: string,
  wanted: DeviceChoice,
  objection: Objection,
): TE.TaskEither<ConfigError, DeviceEngine> =>
  pipe(
    chooseDevice(wanted),
    TE.mapLeft(({ message }) =>
      configError([{ key, value: wanted, allowed: `what this machine has (${message})` }]),
    ),
    TE.chain(({ device, reason }) => {
      const refusal = objection({ device }, reason)
      return refusal === undefined
        ? TE.right({ engine: openEngine({ device, worker: true }), reason })
        : TE.left(refusal)
    }),
  )

const using =
  (open: TE.TaskEither<ConfigError, DeviceEngine>) =>
  <A>(use: (on: DeviceEngine) => TE.TaskEither<DerivaError, A>): TE.TaskEither<DerivaError, A> =>
    TE.bracket<DerivaError, DeviceEngine, A>(open, use, ({ engine }) => engine.close)

/**
 * Works with the device that was asked for, in a thread of its own, so that progress, Ctrl-C and what else goes on here do not wait
 * for it; it ends with the work.
 *
 * @param key of the option that names the device, for messages
 * @returns Left `ConfigError` where the device is not there: it says what is missing, and what may help
 * @example
 * const name = withDevice('--device', 'auto')(({ engine }) => TE.right(engine.device))
 */
export const withDevice = (
  key: string,
  wanted: DeviceChoice,
): (<A>(use: (on: DeviceEngine) => TE.TaskEither<DerivaError, A>) => TE.TaskEither<DerivaError, A>) =>
  using(opened(key, wanted, () => undefined))

/**
 * The same with the device that a configuration trains on.
 *
 * @returns Left `ConfigError` also where the device cannot compute in the precision that is asked for
 * @example
 * declare const config: Config
 * const name = withTrainingDevice(config)(({ engine }) => TE.right(engine.device))
 */
export const withTrainingDevice = ({
  device: wanted,
  mixed_precision: precision,
}: Pick<Config, 'device' | 'mixed_precision'>): (<A>(
  use: (on: DeviceEngine) => TE.TaskEither<DerivaError, A>,
) => TE.TaskEither<DerivaError, A>) =>
  using(
    opened('device', wanted, ({ device }, reason) =>
      precision === 'bf16' && device === 'cpu'
        ? configError([
            {
              key: 'mixed_precision',
              value: precision,
              allowed: `no or fp16 on the CPU (device: ${reason})`,
            },
          ])
        : undefined,
    ),
  )
