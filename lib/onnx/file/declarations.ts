import type { GraphProto } from '../proto/onnx_pb.js'
import { pythonList } from './python-list.js'

/** What a file says of a stored tensor: it was a weight of the model that the file was made from, or it was none. */
export type Declared = 'weight' | 'constant'

/** What a file says of the tensors of the model that it was made from; nothing in most files. */
export type Declarations = {
  /** By name, in the file or not. */
  readonly declared: ReadonlyMap<string, Declared>
  /** The names that the nodes of the exported program have for them. */
  readonly aliases: ReadonlyMap<string, string>
  /** What the exporter's optimiser computed a stored tensor from; undefined for what it left alone. */
  readonly sourcesOf: (name: string) => ReadonlyArray<string> | undefined
  /** Whether the exporter's optimiser computed anything. */
  readonly optimised: boolean
}

/** Where PyTorch's newer exporter prints what its program takes: `p_to_q_weight: PARAMETER target='to_q.weight'`, a line for each. */
const printedByTorch = 'pkg.torch.export.ExportedProgram.graph_signature'

/** Where deriva writes the same. */
const printedHere = 'deriva.signature'

/** Where that exporter lists what its optimiser computed a tensor from. */
const computedFrom = 'pkg.onnxscript.optimizer.folded_from'

/** A line of a signature, or a part of its older form, `InputSpec(kind=<InputKind.PARAMETER: 2>, arg=TensorArgument(name='p_w'), target='w', …)`. */
const entry =
  /(?:(\w+): |InputKind\.)(PARAMETER|BUFFER|CONSTANT_TENSOR)\b(?:[^\n]*?\bname='(\w+)')?[^\n]*?\btarget='([^']*)'/g

/**
 * Reads what a file says of its tensors: files of PyTorch's newer exporter, and those that deriva wrote, tell weights from other tensors.
 *
 * @example
 * declare const graph: file.GraphProto
 * const role = file.declarationsOf(graph).declared.get('rope.cos') // 'constant'
 */
export const declarationsOf = (graph: GraphProto): Declarations => {
  const signature = graph.metadataProps.find(
    ({ key }) => key === printedByTorch || key === printedHere,
  )?.value
  const entries = [...(signature ?? '').matchAll(entry)].map(([, printed, kind, argument, name]) => ({
    name,
    alias: printed || argument,
    declared: kind === 'PARAMETER' ? ('weight' as const) : ('constant' as const),
  }))
  const computed = new Map(
    graph.valueInfo.flatMap(({ name, metadataProps }) => {
      const list = metadataProps.find(({ key }) => key === computedFrom)?.value
      return list === undefined ? [] : [[name, pythonList(list)] as const]
    }),
  )
  const declared = new Map(entries.map(({ name, declared: role }) => [name, role]))
  // What was computed from a weight stands for it; what was computed from numbers alone is one.
  const isWeight = (source: string): boolean => declared.get(source) === 'weight'
  if (entries.length > 0)
    for (const [name, sources] of computed)
      if (!declared.has(name)) declared.set(name, sources.some(isWeight) ? 'weight' : 'constant')
  return {
    declared,
    aliases: new Map(entries.map(({ name, alias }) => [alias, name])),
    sourcesOf: (name) => computed.get(name),
    optimised: computed.size > 0,
  }
}

/**
 * Says which stored tensors are weights and which are not, for whoever reads the file: its names alone do not tell.
 *
 * @param tensors the names of both kinds
 * @returns an entry of a graph's metadata
 * @example
 * const { key } = file.declaration([{ name: 'w', declared: 'weight' }])
 */
export const declaration = (
  tensors: ReadonlyArray<{ readonly name: string; readonly declared: Declared }>,
): { readonly key: string; readonly value: string } => ({
  key: printedHere,
  value: tensors
    .map(
      ({ name, declared }, i) => `t${i}: ${declared === 'weight' ? 'PARAMETER' : 'BUFFER'} target='${name}'`,
    )
    .join('\n'),
})
