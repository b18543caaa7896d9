import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { type LoraVariant } from './adapter.js'

/**
 * The content of PEFT's adapter_config.json (LoraConfig of https://github.com/huggingface/peft), as far as it says what the adapters compute.
 */
export type PeftConfig = {
  readonly peft_type: 'LORA'
  readonly task_type: null
  readonly base_model_name_or_path: string | null
  readonly inference_mode: boolean
  readonly r: number
  readonly lora_alpha: number
  readonly lora_dropout: number
  readonly use_rslora: boolean
  readonly use_dora: boolean
  readonly bias: 'none'
  readonly fan_in_fan_out: boolean
  readonly init_lora_weights: boolean
  readonly modules_to_save: null
  /** An expression that the names of the adapted layers fit as a whole, and no others. */
  readonly target_modules: string
  /** Ranks other than `r`, by an expression that fits the end of a layer's name, or all of it after a `^`. */
  readonly rank_pattern: Readonly<Record<string, number>>
  /** Alphas other than `lora_alpha`, by the same kind of expression. */
  readonly alpha_pattern: Readonly<Record<string, number>>
}

/** What is read of a configuration. Ranks are those of the tensors, and layers those they are named by. */
const ReadConfig = t.intersection([
  t.type({ peft_type: t.literal('LORA'), lora_alpha: t.number }),
  t.partial({
    use_rslora: t.boolean,
    use_dora: t.boolean,
    alpha_pattern: t.union([t.record(t.string, t.number), t.null]),
  }),
])

/** How the updates of a file are scaled. */
export type PeftScaling = {
  readonly variant: LoraVariant
  readonly alphaOf: (module: string, rank: number) => number
}

type AlphaPattern = { readonly expression: RegExp; readonly alpha: number }

const alphaPattern = ([key, alpha]: readonly [string, number]): E.Either<string, AlphaPattern> =>
  E.tryCatch(
    () => ({ expression: new RegExp(`^(.*\\.)?(${key})$`), alpha }),
    () => `alpha_pattern "${key}" is no regular expression`,
  )

/**
 * Reads what a PEFT configuration says of scaling. Without one alpha is the rank, as diffusers has it for files that come alone.
 *
 * @param config the content of adapter_config.json, undefined where there is none
 * @returns Left what is wrong with it, or that it asks for something other than plain LoRA
 * @example
 * const read = peftScaling({ peft_type: 'LORA', r: 8, lora_alpha: 16 })
 */
export const peftScaling = (config: unknown): E.Either<string, PeftScaling> => {
  if (config === undefined) return E.right({ variant: 'lora', alphaOf: (_, rank) => rank })
  return pipe(
    ReadConfig.decode(config),
    E.mapLeft(
      () => 'the configuration lacks peft_type "LORA" or a number lora_alpha, or has fields of another type',
    ),
    E.filterOrElse(
      ({ use_dora }) => use_dora !== true,
      () => 'the configuration asks for DoRA, which is not LoRA',
    ),
    E.chain(({ lora_alpha, use_rslora = false, alpha_pattern }) =>
      pipe(
        E.traverseArray(alphaPattern)(Object.entries(alpha_pattern ?? {})),
        E.map((patterns): PeftScaling => ({
          variant: use_rslora ? 'rslora' : 'lora',
          alphaOf: (module) =>
            patterns.find(({ expression }) => expression.test(module))?.alpha ?? lora_alpha,
        })),
      ),
    ),
  )
}
