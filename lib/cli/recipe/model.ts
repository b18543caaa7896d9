import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { encodeSafetensors } from '../../checkpoint/index.js'
import { type Config, configError, type ConfigError, type DatasetFacts } from '../../config/index.js'
import { lora, merged, toDiffusers, toPeft } from '../../lora/index.js'
import { adopted, dit, type ImageShape, inPrecision, type Model, unet, weightsOf } from '../../model/index.js'
import type { Encodable, Graph } from '../../onnx/index.js'
import { type Parameters, trainedGraph } from '../../train/index.js'
import type { Parameterisation } from '../../types/index.js'
import { constantsOf } from './constants.js'
import { namePatterns, textPattern } from './patterns.js'
import { ddpmPath, flowPath } from './sampling.js'

/** What is trained. */
export type Subject<P extends Parameterisation> = {
  /** Its parameters are what can train. */
  readonly model: Model<P>
  readonly trains: (name: string) => boolean
  /** The whole model that a run leaves, once these are the values of the weights that train. */
  readonly whole: (parameters: Parameters) => Encodable
  /** What it leaves beside that, by file name. */
  readonly files: (parameters: Parameters) => Readonly<Record<string, Uint8Array | string>>
}

/** What a subject is made of beside the configuration. */
export type Materials = {
  readonly dataset: DatasetFacts
  /** The content of model.path, where there is one. */
  readonly graph: Graph | undefined
}

const refused = (key: string, value: unknown, allowed: string): E.Either<ConfigError, never> =>
  E.left(configError([{ key, value, allowed }]))

/** Problems of a room below, under the names that the options have. */
const renamed =
  (rename: (key: string) => string) =>
  ({ problems }: ConfigError): ConfigError =>
    configError(problems.map((problem) => ({ ...problem, key: rename(problem.key) })))

/**
 * The denoiser that a configuration describes, before anything is frozen or adapted.
 *
 * @returns Left `ConfigError` where a model of the user does not fit the options or the dataset
 * @example
 * declare const config: Config, materials: Materials
 * const model = modelOf(config, materials, 'flow_matching')
 */
export const modelOf = <P extends Parameterisation>(
  config: Config,
  { dataset: { shape, classes, conditioning, shared = {} }, graph }: Materials,
  parameterisation: P,
): E.Either<ConfigError, Model<P>> => {
  const { model } = config
  if (model.type === 'onnx') {
    if (graph === undefined) return refused('model.path', model.path, 'the path of an ONNX file')
    return pipe(
      constantsOf(model.constants),
      E.chain((constants) =>
        pipe(
          adopted({
            graph,
            parameterisation,
            sample: shape,
            conditioning,
            inputs: model.inputs,
            constants: { ...shared, ...constants },
            learnedSigma: model.learned_sigma,
            path: parameterisation === 'flow_matching' ? flowPath : ddpmPath(config),
            ...(model.output === null ? {} : { output: model.output }),
            ...(model.time === null ? {} : { time: model.time }),
          }),
          E.mapLeft(renamed((key) => (key === 'dataset' ? key : `model.${key}`))),
        ),
      ),
    )
  }
  const [channels = 1, height = 1, width = 1] = shape
  const sample: ImageShape = [channels, height, width]
  const common = { parameterisation, sample, classes, seed: config.seed }
  return E.right(model.type === 'unet' ? unet({ ...common, ...model }) : dit({ ...common, ...model }))
}

/** The same subject, computed in half precision; what it exports stays as it was. */
const computedAs =
  ({ mixed_precision: precision }: Config) =>
  <P extends Parameterisation>(subject: Subject<P>): Subject<P> =>
    precision === 'no'
      ? subject
      : {
          ...subject,
          model: inPrecision(precision === 'fp16' ? 'float16' : 'bfloat16')(subject.model),
        }

/** Adapters beside a model that stays as it is. */
const adaptedSubject = <P extends Parameterisation>(
  config: Config,
  base: Model<P>,
): E.Either<ConfigError, Subject<P>> =>
  pipe(
    config.lora_targets,
    E.traverseArray(textPattern('lora_targets')),
    E.chain((targets) =>
      pipe(
        base,
        lora({
          rank: config.lora_rank,
          alpha: config.lora_alpha,
          dropout: config.lora_dropout,
          variant: config.lora_rslora ? 'rslora' : 'lora',
          targets,
          seed: config.seed,
        }),
        E.mapLeft(renamed((key) => `lora_${key.replace(/\[\d+\]/, '')}`)),
      ),
    ),
    E.map((model): Subject<P> => ({
      model,
      trains: () => true,
      whole: (parameters) => trainedGraph(merged(model, parameters), {}),
      files: (parameters) => {
        const { tensors, config: peft } = toPeft(model, parameters)
        return {
          'adapter_model.safetensors': encodeSafetensors(tensors, { format: 'pt' }),
          'adapter_config.json': `${JSON.stringify(peft, null, 2)}\n`,
          'pytorch_lora_weights.safetensors': encodeSafetensors(toDiffusers(model, parameters), {
            format: 'pt',
          }),
        }
      },
    })),
  )

/**
 * What a configuration trains: all of a model, the weights that it names, or adapters.
 *
 * @returns Left `ConfigError` where names fit no weight, or the model does not fit the options or the dataset
 * @example
 * declare const config: Config, materials: Materials
 * const subject = subjectOf(config, materials, 'flow_matching')
 */
export const subjectOf = <P extends Parameterisation>(
  config: Config,
  materials: Materials,
  parameterisation: P,
): E.Either<ConfigError, Subject<P>> =>
  pipe(
    modelOf(config, materials, parameterisation),
    E.chain((model) =>
      config.model_type === 'lora'
        ? adaptedSubject(config, model)
        : pipe(
            namePatterns(
              config,
              Object.entries(weightsOf(model)).map(([name, { dims }]) => ({ name, dims })),
            ),
            E.map((trains): Subject<P> => ({
              model,
              trains,
              whole: (parameters) => trainedGraph(model, parameters),
              files: () => ({}),
            })),
          ),
    ),
    E.map(computedAs(config)),
  )
