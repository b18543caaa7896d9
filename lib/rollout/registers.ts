/**
 * The registers of a packed batch: one plane a register, [batch, …sample] row-major, so that the active samples' latents
 * (register 0) are one contiguous piece that the model reads without a copy.
 */
export type Registers = {
  readonly planes: ReadonlyArray<Float32Array>
  /** Elements of a sample. */
  readonly elements: number
}

/**
 * Register 0 holds the latents (not copied); the others start as zeros.
 *
 * @example
 * const registers = openRegisters(new Float32Array(4 * 784), 784, 3)
 */
export const openRegisters = (latents: Float32Array, elements: number, count: number): Registers => ({
  planes: Array.from({ length: count }, (_, r) => (r === 0 ? latents : new Float32Array(latents.length))),
  elements,
})

/** out += factor · from[start …], or out = …: the one loop that all solvers' arithmetic runs through. */
const accumulate = (out: Float32Array, factor: number, from: Float32Array, start: number, first: boolean): void => {
  if (first) for (let e = 0; e < out.length; e++) out[e] = factor * (from[start + e] ?? 0)
  else for (let e = 0; e < out.length; e++) out[e] = (out[e] ?? 0) + factor * (from[start + e] ?? 0)
}

/**
 * r' = mix · [r ; output] for every active sample, in place.
 *
 * @param outputs the model's outputs of the active samples, [mixes.length, …sample]
 * @param mixes per active sample a row-major [m, m + 1] matrix with m ≤ the number of registers
 * @example
 * const registers = openRegisters(Float32Array.of(1, 2), 1, 1)
 * mixRegisters(registers, Float32Array.of(10, 20), [[1, 0.1], [1, -0.1]].map((row) => Float64Array.from(row))) // 2, 0
 */
export const mixRegisters = (
  { planes, elements }: Registers,
  outputs: Float32Array,
  mixes: ReadonlyArray<Float64Array>,
): void => {
  const next = planes.map(() => new Float32Array(elements))
  for (const [sample, mix] of mixes.entries()) {
    const start = sample * elements
    const count = Math.round((Math.sqrt(1 + 4 * mix.length) - 1) / 2)
    const width = count + 1
    const unchanged = (r: number): boolean => {
      for (let c = 0; c < width; c++) if (mix[r * width + c] !== (c === r ? 1 : 0)) return false
      return true
    }
    const changed = Array.from({ length: count }, (_, r) => r).filter((r) => !unchanged(r))
    for (const r of changed) {
      const out = next[r]
      if (out === undefined) throw new Error(`a mix of ${count} registers for ${planes.length} planes`)
      let first = true
      for (let c = 0; c < width; c++) {
        const factor = mix[r * width + c] ?? 0
        const from = c === count ? outputs : planes[c]
        if (factor === 0 || from === undefined) continue
        accumulate(out, factor, from, start, first)
        first = false
      }
      if (first) out.fill(0)
    }
    for (const r of changed) planes[r]?.set(next[r] ?? [], start)
  }
}
