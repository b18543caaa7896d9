import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { openSession } from '../../lib/engine/index.js'
import {
  adopted,
  type AdoptOptions,
  type Constant,
  conditioningOf,
  type Model,
  recognisedTime,
  weightsOf,
} from '../../lib/model/index.js'
import {
  add,
  cast,
  concat,
  constant,
  constantOfShape,
  decode,
  encode,
  expand,
  expandTo,
  gather,
  gemm,
  type Graph,
  input,
  matMul,
  mul,
  operator,
  parameter,
  reduceSum,
  reshape,
  scatterElements,
  shapeOf,
  sigmoid,
  sin,
  single,
  slice,
  split,
  squeeze,
  sub,
  tanh,
  topK,
  unsqueeze,
  type Value,
} from '../../lib/onnx/index.js'
import { flow } from '../../lib/path/index.js'
import { modelDenoiser, trainedModel } from '../../lib/train/index.js'
import {
  type Conditioning,
  type ErrorOf,
  float32,
  headRows,
  int64,
  type Tensor,
} from '../../lib/types/index.js'
import { safetensors } from '../golden/safetensors.js'
import { right } from '../either.js'

const folder = join(import.meta.dirname, '../fixtures/exported')

const done = async <A>(task: TE.TaskEither<{ readonly message: string }, A>): Promise<A> =>
  right(await task())

const read = (file: string): Uint8Array => Uint8Array.from(readFileSync(join(folder, file)))

const tensorsFor = (file: string): ReadonlyMap<string, Tensor> =>
  safetensors(read(`${file.split('-')[0]}.safetensors`))

const floats = (tensor: Tensor | undefined): Float32Array => {
  if (tensor?.type !== 'float32') throw new Error('these are float32')
  return tensor.data
}

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0)

const graphOf = (inputs: ReadonlyArray<Value>, outputs: Readonly<Record<string, Value>>): Graph => ({
  inputs,
  outputs,
  opset: 21,
  metadata: {},
})

const refusal = (options: AdoptOptions<'epsilon'>): ErrorOf<'ConfigError'> => {
  const result = adopted(options)
  if (E.isRight(result)) throw new Error('nothing was refused')
  return result.left
}

describe('adopted', () => {
  // Of one UNet the batch is a constant amid the graph.
  const files = readdirSync(folder).filter(
    (name) => name.endsWith('.onnx') && !name.startsWith('unet-dynamo-23'),
  )

  it.each(files)('%s predicts what the file itself does, and comes back as it was', async (file) => {
    const tensors = tensorsFor(file)
    const graph = right(decode(read(file)))
    // The places of tokens, which have no batch axis.
    const constants = Object.fromEntries(
      ['img_ids', 'txt_ids'].flatMap((name) => {
        const tensor = tensors.get(`in/${name}`)
        return tensor === undefined ? [] : [[name, tensor] as const]
      }),
    )
    const model = right(adopted({ graph, parameterisation: 'epsilon', time: 'timestep', constants }))
    const names = graph.inputs.map(({ node }) => (node.kind === 'input' ? node.name : ''))
    const feeds = Object.fromEntries(
      names.flatMap((name) => {
        const tensor = tensors.get(`in/${name}`)
        return tensor === undefined ? [] : [[name, tensor] as const]
      }),
    )
    const session = await done(openSession(read(file)))
    const [expected] = Object.values(await done(session.run(feeds)))
    const latentsName = names.find((name) => ['hidden_states', 'sample', 'x'].includes(name)) ?? ''
    const timeName = names.find((name) => ['timestep', 't'].includes(name)) ?? ''
    const conditioning: Conditioning = Object.fromEntries(
      Object.keys(conditioningOf(model)).map((name) => [name, feeds[name]]),
    )
    const times = Float32Array.from(Array.from(feeds[timeName].data, Number))
    const denoiser = (await done(modelDenoiser(model)))(
      Object.fromEntries(
        Object.entries(weightsOf(model)).map(([name, tensor]) => [
          name,
          float32(tensor.dims, floats(tensor)),
        ]),
      ),
    )
    const predicted = await done(denoiser.predict(floats(feeds[latentsName]), times, conditioning))
    const scale = floats(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    expect(largestDifference(predicted, floats(expected)) / scale).toBeLessThan(2e-5)

    // A batch of another length than the file may have been exported for.
    const one = await done(
      denoiser.predict(
        floats(feeds[latentsName]).slice(0, predicted.length / times.length),
        times.slice(0, 1),
        Object.fromEntries(Object.entries(conditioning).map(([name, tensor]) => [name, headRows(tensor, 1)])),
      ),
    )
    expect(largestDifference(one, floats(expected)) / scale).toBeLessThan(2e-5)

    const back = await done(openSession(trainedModel(model, {})))
    expect([...back.inputs].sort()).toEqual([...session.inputs].sort())
    expect(back.outputs).toEqual(session.outputs)
    const [again] = Object.values(await done(back.run(feeds)))
    expect(largestDifference(floats(again), floats(expected)) / scale).toBeLessThan(2e-5)
  })

  const latents = input('x', 'float32', ['n', 4])
  const w = parameter(
    'w',
    float32(
      [4, 4],
      Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)),
    ),
  )

  it('gives every sample its own time where the file has one for all', async () => {
    const t = input('t', 'float32', [])
    const perSample = expand(reshape(mul(t, 2), [1]), [3])
    const x = input('x', 'float32', [3, 4])
    const graph = graphOf([x, t], { y: add(matMul(x, w), unsqueeze(perSample, [1])) })
    const model = right(adopted({ graph, parameterisation: 'epsilon', time: 'timestep' }))
    const denoiser = (await done(modelDenoiser(model)))({ w: float32([4, 4], new Float32Array(16)) })
    const y = await done(denoiser.predict(new Float32Array(8), Float32Array.of(1, 10), {}))
    expect([...y]).toEqual([2, 2, 2, 2, 20, 20, 20, 20])
  })

  describe('a file for a batch of one length', () => {
    const values = (count: number): Float32Array =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(i))
    const weight = parameter('w', float32([4, 4], values(16)))

    /** A model of tokens [batch, 4, 4]: with others before them that are learnt, which the file has for every sample of its batch. */
    const withTokens = (batch: number | 'batch', tokens: (rows: number) => Value): Graph => {
      const x = input('x', 'float32', [batch, 4, 4])
      const t = input('t', 'float32', [batch])
      const learnt = tokens(batch === 'batch' ? 1 : batch)
      const joined = matMul(concat([learnt, add(x, reshape(t, [-1, 1, 1]))], 1), weight)
      return {
        inputs: [x, t],
        outputs: { y: slice(add(joined, constant(float32([1, 6, 1], values(6)))), [2], [6], [1]) },
        opset: 21,
        metadata: {},
      }
    }

    const rows = (count: number): Float32Array =>
      Float32Array.from({ length: count * 8 }, (_, i) => Math.cos(i % 8))

    const batch = { latents: float32([3, 4, 4], values(48)), timestep: float32([3], [100, 500, 900]) }

    const predicted = async (graph: Graph): Promise<Float32Array> => {
      const { prediction } = right(adopted({ graph, parameterisation: 'epsilon', time: 'sigma' }))
      const file = encode({ outputs: { prediction }, parameters: 'initializers' })
      const session = await done(openSession(file))
      return floats((await done(session.run(batch))).prediction)
    }

    it('repeats for every sample what it repeats for those of its batch', async () => {
      const open: Graph = (() => {
        const x = input('x', 'float32', ['batch', 4, 4])
        const t = input('t', 'float32', ['batch'])
        const timed = add(x, reshape(t, [-1, 1, 1]))
        const learnt = add(mul(slice(timed, [0], [2], [1]), 0), constant(float32([1, 2, 4], rows(1))))
        const joined = matMul(concat([learnt, timed], 1), weight)
        return {
          inputs: [x, t],
          outputs: { y: slice(add(joined, constant(float32([1, 6, 1], values(6)))), [2], [6], [1]) },
          opset: 21,
          metadata: {},
        }
      })()
      const expected = await predicted(open)
      const forms: ReadonlyArray<Graph> = [
        withTokens(2, (n) => constant(float32([n, 2, 4], rows(n)))),
        withTokens(1, (n) => constant(float32([n, 2, 4], rows(n)))),
        withTokens(2, (n) => expand(constant(float32([1, 2, 4], rows(1))), [n, 2, 4])),
        withTokens(2, (n) => expand(parameter('tokens', float32([1, 2, 4], rows(1))), [n, 2, 4])),
      ]
      for (const form of forms) expect(largestDifference(await predicted(form), expected)).toBeLessThan(1e-6)
    })

    it('is refused where it has other tokens for every sample', () => {
      const other = withTokens(2, () => constant(float32([2, 2, 4], values(16))))
      const refusal = adopted({ graph: other, parameterisation: 'epsilon', time: 'sigma' })
      expect(E.isLeft(refusal) && refusal.left.message).toContain('Export it with a dynamic batch axis')
    })

    /** The same model for batches of one length and of any. */
    const both = async (
      body: (x: Value, lengths: (...rest: ReadonlyArray<number>) => Value) => Value,
    ): Promise<void> => {
      const graph = (n: number | 'batch'): Graph => {
        const x = input('x', 'float32', [n, 4, 4])
        const t = input('t', 'float32', [n])
        const lengths = (...rest: ReadonlyArray<number>): Value =>
          concat([slice(shapeOf(x), [0], [1], [0]), constant(int64([rest.length], rest))], 0)
        return {
          inputs: [x, t],
          outputs: { y: body(add(x, reshape(t, [-1, 1, 1])), lengths) },
          opset: 21,
          metadata: {},
        }
      }
      const [fixed, one, open] = await Promise.all([graph(2), graph(1), graph('batch')].map(predicted))
      expect(largestDifference(fixed, open)).toBeLessThan(1e-6)
      expect(largestDifference(one, open)).toBeLessThan(1e-6)
    }

    it('may resize pictures to lengths of which one is the batch', () =>
      both((x, lengths) => {
        const to = (y: Value, ...rest: ReadonlyArray<number>): Value =>
          single('Resize', [y, undefined, undefined, lengths(...rest)], { mode: 'linear' })
        const larger = to(unsqueeze(x, [1]), 1, 7, 6)
        return squeeze(to(mul(larger, larger), 1, 4, 4), [1])
      }))

    it('may expand to lengths of which one is the batch', () =>
      both((x, lengths) => add(x, expandTo(reduceSum(x, [1]), lengths(4, 4)))))

    it('may begin a recurrence with zeros for every sample', () =>
      both((x, lengths) => {
        const zeros = constantOfShape(lengths(4), float32([1], [0]))
        const bias = parameter('b', float32([8], values(8)))
        const wide = parameter('u', float32([4, 8], values(32)))
        const step = (h: Value, i: number): Value => {
          const [gate, candidate] = split(gemm(h, wide, bias), [4, 4], 1)
          const now = gather(x, constant(int64([], [i])), 1)
          return add(mul(sigmoid(gate), now), mul(sub(1, sigmoid(gate)), tanh(candidate)))
        }
        return add(x, unsqueeze(step(step(zeros, 0), 1), [1]))
      }))

    it('may put elements into zeros for every sample', () =>
      both((x, lengths) => {
        const zeros = constantOfShape(lengths(4, 4), float32([1], [0]))
        const most = topK(x, 2, { axis: 2 })
        return add(matMul(x, weight), scatterElements(zeros, most.indices, most.values, { axis: 2 }))
      }))

    it('is refused by the node that holds another length than that of the batch', () => {
      const refused = (rows: number | 'n'): string => {
        const inputs = [input('x', 'float32', [rows, 4]), input('t', 'float32', [rows])]
        const product = mul(inputs[0], unsqueeze(inputs[1], [1]))
        const table = parameter('p', float32([2, 4], values(8)))
        const [y] = operator('Add', [product, table], {}, 1, 'table')
        return refusal({ graph: graphOf(inputs, { y }), parameterisation: 'epsilon' }).message
      }
      expect(refused(2)).toMatch(/node "table" \(Add\) makes \[2, 4\].*Export it with a dynamic batch axis/)
      expect(refused('n')).toMatch(/batches of 2.*try the other exporter/)
    })

    it('may join the batch with another axis, before or behind axes of length 1', async () => {
      const framed = (n: number | 'batch'): Graph => {
        const x = input('x', 'float32', [n, 4, 4])
        const t = input('t', 'float32', [n])
        const lead = n === 'batch' ? -1 : n
        const timed = add(x, reshape(t, [-1, 1, 1]))
        // Rows as a batch of their own, with an axis of length 1 before it; and back.
        const apart = reshape(timed, [1, n === 'batch' ? -1 : 4 * n, 4])
        return {
          inputs: [x, t],
          outputs: { y: reshape(matMul(apart, weight), [lead, 4, 4]) },
          opset: 21,
          metadata: {},
        }
      }
      const [fixed, open] = await Promise.all([framed(2), framed('batch')].map(predicted))
      expect(largestDifference(fixed, open)).toBeLessThan(1e-6)
    })
  })

  it('tells the time as the model wants it', async () => {
    const t = input('t', 'float32', ['n'])
    const graph = graphOf([latents, t], { y: add(mul(matMul(latents, w), 0), unsqueeze(t, [1])) })
    const at = async (time: AdoptOptions<'epsilon'>['time'], timestep: number): Promise<number> => {
      const model: Model<'epsilon'> = right(
        adopted({
          graph,
          parameterisation: 'epsilon',
          path: flow(),
          ...(time === undefined ? {} : { time }),
        }),
      )
      const denoiser = (await done(modelDenoiser(model)))({ w: float32([4, 4], new Float32Array(16)) })
      return (await done(denoiser.predict(new Float32Array(4), Float32Array.of(timestep), {})))[0]
    }
    expect(await at('timestep', 250)).toBe(250)
    expect(await at(undefined, 250)).toBe(250)
    expect(await at('sigma', 250)).toBeCloseTo(0.25, 6)
    expect(await at('data_share', 250)).toBeCloseTo(0.75, 6)
    expect(await at('log_snr', 250)).toBeCloseTo(2 * Math.log(3), 5)
    expect(Math.abs(await at('log_snr', 0))).toBeLessThan(21)
  })

  it('recognises the time by the frequencies of its sinusoids', () => {
    const t = input('t', 'float32', ['n'])
    const shown = (time: Value, frequencies: ReadonlyArray<number>): Value =>
      sin(mul(unsqueeze(time, [1]), constant(float32([1, frequencies.length], frequencies))))
    expect(recognisedTime([shown(t, [1, 0.1])], t)).toBe('timestep')
    expect(recognisedTime([shown(mul(t, 1000), [1, 0.1])], t)).toBe('sigma')
    expect(recognisedTime([shown(t, [6])], t)).toBeUndefined()
    const whole = input('t', 'int64', ['n'])
    expect(recognisedTime([cast(whole, 'float32')], whole)).toBe('timestep')
  })

  it('casts what batches have to what the file takes, and leaves a variance out', async () => {
    const half = input('x', 'float16', ['n', 2])
    const t = input('t', 'int64', ['n'])
    const mask = input('mask', 'float16', ['n', 2])
    const y = add(mul(half, mask), unsqueeze(cast(t, 'float16'), [1]))
    const graph = graphOf([half, t, mask], { y: concat([y, half], 1) })
    const options: AdoptOptions<'epsilon'> = {
      graph,
      parameterisation: 'epsilon',
      sample: [2],
      conditioning: { mask: { type: 'bool', dims: [2] } },
    }
    expect(refusal(options).message).toContain('learned_sigma')
    const model = right(adopted({ ...options, learnedSigma: true }))
    const denoiser = (await done(modelDenoiser(model)))({})
    const given: Conditioning = { mask: { type: 'bool', dims: [1, 2], data: Uint8Array.of(1, 0) } }
    expect([
      ...(await done(denoiser.predict(Float32Array.of(0.5, 0.5), Float32Array.of(2.6), given))),
    ]).toEqual([3.5, 3])
    // The file comes back in the types it had.
    const [again] = right(decode(trainedModel(model, {}))).inputs
    expect(again.type).toBe('float16')
  })

  describe('an input that is the same for all samples', () => {
    const x = input('x', 'float32', ['n', 'tokens', 2])
    const t = input('t', 'float32', ['n'])
    const places = input('img_ids', 'float32', ['tokens', 3])
    const words = input('txt_ids', 'int64', ['words', 4])
    const text = input('text', 'float32', ['n', 'words', 2])
    const guidance = input('guidance', 'float32', ['n'])
    const kind = input('kind', 'int64', ['n', 2])
    const summed = (value: Value): Value => reduceSum(value, undefined, false)
    // What each sample is told: the sums of the places' axes, weighted apart, and of all else.
    const weights = constant(float32([3], [1, 10, 1000]))
    const graph = graphOf([x, t, places, words, text, guidance, kind], {
      y: add(
        mul(x, 0),
        unsqueeze(
          add(
            add(add(summed(mul(places, weights)), summed(cast(words, 'float32'))), mul(summed(text), 0)),
            add(mul(guidance, 100_000), reduceSum(cast(kind, 'float32'), [1], false)),
          ),
          [1, 2],
        ),
      ),
    })
    const options: AdoptOptions<'epsilon'> = {
      graph,
      parameterisation: 'epsilon',
      sample: [4, 2],
      conditioning: { text: { type: 'float32', dims: [3, 2] } },
      constants: {
        guidance: 3,
        kind: { type: 'int64', dims: [2], data: BigInt64Array.of(20_000n, 30_000n) },
      },
    }
    const told = async (model: Model<'epsilon'>, samples: number): Promise<ReadonlyArray<number>> => {
      expect(Object.keys(conditioningOf(model))).toEqual(['text'])
      const denoiser = (await done(modelDenoiser(model)))({})
      const given = { text: float32([samples, 3, 2], new Float32Array(6 * samples)) }
      return [
        ...(await done(denoiser.predict(new Float32Array(8 * samples), new Float32Array(samples), given))),
      ]
    }
    // Places (0, row, column) of 2 × 2 tokens; words 0, 1, 2 in the fourth axis; one row for every sample.
    const expected = 2 * 10 + 2 * 1000 + 3 + 300_000 + 50_000

    it('is a constant: recognised, or as it was said, whatever the batch', async () => {
      const model = right(adopted(options))
      expect(await told(model, 1)).toEqual(new Array(8).fill(expected))
      expect(await told(model, 3)).toEqual(new Array(24).fill(expected))
    })

    it('may be an image of another form, a number, or any elements', async () => {
      const at = async (img: Constant): Promise<number> =>
        (await told(right(adopted({ ...options, constants: { ...options.constants, img_ids: img } })), 1))[0]
      expect((await at({ rows: 1, columns: 4 })) - expected).toBe(6000 - 2020)
      expect((await at(1)) - expected).toBe(4 * 1011 - 2020)
      expect((await at(float32([4, 3], new Float32Array(12)))) - expected).toBe(-2020)
    })

    it('is refused where nobody can tell, or it does not fit', () => {
      const problems = (changes: Partial<AdoptOptions<'epsilon'>>): ReadonlyArray<string> =>
        refusal({ ...options, ...changes }).problems.map(({ key, allowed }) => `${key}: ${allowed}`)
      const five = problems({ sample: [5, 2] })
      expect(five).toHaveLength(1)
      expect(five[0]).toMatch(
        /^constants\.img_ids: what the model's input "img_ids", float32\[tokens, 3\], is .*grid/,
      )
      const odd = problems({
        constants: { img_ids: { rows: 2, columns: 3 }, txt_ids: 0.5, them: 1, ...options.constants },
      })
      expect(odd.map((text) => text.split(':')[0])).toEqual(['constants.them'])
      const wrong = problems({ constants: { ...options.constants, img_ids: { rows: 2, columns: 3 } } })
      expect(wrong).toEqual(['constants.img_ids: elements of shape [4, 3], not [6, 3]'])
      const { problems: open } = refusal({
        graph,
        parameterisation: 'epsilon',
        sample: [4, 2],
        constants: { ...options.constants, txt_ids: 0 },
      })
      expect(open.map(({ allowed }) => allowed)).toEqual([
        expect.stringContaining('leaves the lengths [words, 4] open'),
      ])
    })

    it('comes back as the input that it was', () => {
      const names = right(decode(trainedModel(right(adopted(options)), {}))).inputs.map(({ node }) =>
        node.kind === 'input' ? node.name : '',
      )
      expect(names).toEqual(['x', 't', 'img_ids', 'txt_ids', 'text', 'guidance', 'kind'])
    })
  })

  it('reports all that is wrong together', () => {
    const t = input('t', 'float32', ['n'])
    const text = input('text', 'float32', ['n', 3])
    const graph = graphOf([latents, t, text], {
      y: add(matMul(latents, w), mul(unsqueeze(t, [1]), 1)),
      z: text,
    })
    const problems = (options: Partial<AdoptOptions<'epsilon'>>): ReadonlyArray<string> =>
      refusal({ graph, parameterisation: 'epsilon', ...options }).problems.map(({ key }) => key)
    expect(
      [...problems({ sample: [5], conditioning: {}, inputs: { timestep: 'time' }, output: 'v' })].sort(),
    ).toEqual(['inputs.text', 'inputs.timestep', 'output'])
    expect(problems({ sample: [5] })).toEqual(['dataset'])
    expect(problems({ conditioning: { text: { type: 'float32', dims: [4] } } })).toEqual(['inputs.text'])
    expect(problems({ conditioning: { caption: { type: 'float32', dims: [3] } } })).toEqual(['inputs.text'])
    const renamed = adopted({
      graph,
      parameterisation: 'epsilon',
      conditioning: { caption: { type: 'float32', dims: [3] } },
      inputs: { caption: 'text' },
    })
    expect(E.isRight(renamed)).toBe(true)
    const fixed = graphOf([input('x', 'float32', [2, 4]), t], {
      y: matMul(constant(float32([2, 2], [1, 0, 0, 1])), input('x', 'float32', [2, 4])),
    })
    expect(refusal({ graph: fixed, parameterisation: 'epsilon' }).message).toContain('batch')
  })

  it('encodes as any other model does', () => {
    const t = input('t', 'float32', ['n'])
    const graph = graphOf([latents, t], { y: add(matMul(latents, w), unsqueeze(t, [1])) })
    const { prediction } = right(adopted({ graph, parameterisation: 'sample' }))
    expect(
      right(decode(encode({ outputs: { prediction }, parameters: 'initializers' }))).inputs,
    ).toHaveLength(2)
  })
})
