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

/** One summand: factor · from[start …]. */
type Part = { readonly factor: number; readonly from: Float32Array }

/**
 * out = the sum of the parts: the one loop that all solvers' arithmetic runs through. The first three parts, mostly all there are,
 * are summed in one pass, which is half the work of one pass a part.
 */
const combine = (out: Float32Array, parts: ReadonlyArray<Part>, start: number): void => {
  const n = out.length
  const source = ({ from }: Part): Float32Array => from.subarray(start, start + n)
  if (parts.length === 0) out.fill(0)
  else if (parts.length === 1) {
    const [f, x] = [parts[0].factor, source(parts[0])]
    if (f === 1) out.set(x)
    else for (let e = 0; e < n; e++) out[e] = f * x[e]
  } else if (parts.length === 2) {
    const [f, x, g, y] = [parts[0].factor, source(parts[0]), parts[1].factor, source(parts[1])]
    for (let e = 0; e < n; e++) out[e] = f * x[e] + g * y[e]
  } else {
    const [f, x, g, y] = [parts[0].factor, source(parts[0]), parts[1].factor, source(parts[1])]
    const [h, z] = [parts[2].factor, source(parts[2])]
    for (let e = 0; e < n; e++) out[e] = f * x[e] + g * y[e] + h * z[e]
    for (let p = 3; p < parts.length; p++) {
      const [k, w] = [parts[p].factor, source(parts[p])]
      for (let e = 0; e < n; e++) out[e] += k * w[e]
    }
  }
}

/** A single register, as Euler's method has it. */
const mixOne = (
  p: Float32Array,
  o: Float32Array,
  [pp, po]: Float64Array,
  start: number,
  end: number,
): void => {
  for (let e = start; e < end; e++) p[e] = pp * p[e] + po * o[e]
}

/** Three registers at once, as UniPC-2 and the classical Runge–Kutta method have them: everything is read and written once. */
const mixThree = (
  [p, q, r]: ReadonlyArray<Float32Array>,
  o: Float32Array,
  m: Float64Array,
  start: number,
  end: number,
): void => {
  const [pp, pq, pr, po, qp, qq, qr, qo, rp, rq, rr, ro] = m
  for (let e = start; e < end; e++) {
    const [x, y, z, w] = [p[e], q[e], r[e], o[e]]
    p[e] = pp * x + pq * y + pr * z + po * w
    q[e] = qp * x + qq * y + qr * z + qo * w
    r[e] = rp * x + rq * y + rr * z + ro * w
  }
}

/** Four registers at once, as UniPC-3 has them. */
const mixFour = (
  [p, q, r, s]: ReadonlyArray<Float32Array>,
  o: Float32Array,
  m: Float64Array,
  start: number,
  end: number,
): void => {
  const [pp, pq, pr, ps, po, qp, qq, qr, qs, qo, rp, rq, rr, rs, ro, sp, sq, sr, ss, so] = m
  for (let e = start; e < end; e++) {
    const [x, y, z, v, w] = [p[e], q[e], r[e], s[e], o[e]]
    p[e] = pp * x + pq * y + pr * z + ps * v + po * w
    q[e] = qp * x + qq * y + qr * z + qs * v + qo * w
    r[e] = rp * x + rq * y + rr * z + rs * v + ro * w
    s[e] = sp * x + sq * y + sr * z + ss * v + so * w
  }
}

/** What one sample does with the model's output. */
export type Mixing = {
  /** How many registers its program has, at most as many as there are planes. */
  readonly registers: number
  /** [registers, columns] row-major, acting on [r; output] or [r; output; noise]. */
  readonly mix: Float64Array
}

/**
 * r' = mix · [r ; output ; noise] for every active sample, in place.
 *
 * @param outputs the model's outputs of the active samples, [mixings.length, …sample]
 * @param noise fresh standard normal latents of the same layout; read only by mixes with a column for it
 * @example
 * const registers = openRegisters(Float32Array.of(1, 2), 1, 1)
 * const mixings = [0.1, -0.1].map((h) => ({ registers: 1, mix: Float64Array.of(1, h) }))
 * mixRegisters(registers, Float32Array.of(10, 20), mixings) // 2, 0
 */
export const mixRegisters = (
  { planes, elements }: Registers,
  outputs: Float32Array,
  mixings: ReadonlyArray<Mixing>,
  noise = outputs,
): void => {
  const scratch = planes.map(() => new Float32Array(elements))
  mixings.forEach(({ registers, mix }, sample) => {
    const columns = mix.length / registers
    const start = sample * elements
    if (columns === registers + 1) {
      if (registers === 1) {
        mixOne(planes[0], outputs, mix, start, start + elements)
        return
      }
      if (registers === 3) {
        mixThree(planes, outputs, mix, start, start + elements)
        return
      }
      if (registers === 4) {
        mixFour(planes, outputs, mix, start, start + elements)
        return
      }
    }
    const changed: number[] = []
    for (let r = 0; r < registers; r++) {
      const row = mix.subarray(r * columns, (r + 1) * columns)
      if (row.every((factor, c) => factor === (c === r ? 1 : 0))) continue
      changed.push(r)
      const parts: Part[] = []
      for (let c = 0; c < columns; c++)
        if (row[c] !== 0)
          parts.push({ factor: row[c], from: c < registers ? planes[c] : c === registers ? outputs : noise })
      combine(scratch[r], parts, start)
    }
    // Only now: every register of the new state is made of the old one.
    for (const r of changed) planes[r].set(scratch[r], start)
  })
}
