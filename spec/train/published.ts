/**
 * The update rules as their papers print them, on arrays of float64, one parameter after another. Every function takes the options and
 * gives a rule: (step number t = 1, 2, …, learning rate, parameter, gradient) → parameter, which keeps its memory to itself.
 */
export type Rule = (
  t: number,
  rate: number,
  p: ReadonlyArray<number>,
  g: ReadonlyArray<number>,
) => ReadonlyArray<number>

const zerosLike = (xs: ReadonlyArray<number>): ReadonlyArray<number> => xs.map(() => 0)
const total = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0)
const rms = (xs: ReadonlyArray<number>): number => Math.sqrt(total(xs.map((x) => x * x)) / xs.length)

/** Sutskever et al. 2013, equations 3 and 4, with the velocity in units of the gradient; Nesterov as in their equation 7, one step ahead. */
export const publishedSgd = (momentum: number, nesterov: boolean, decay: number): Rule => {
  let u: ReadonlyArray<number> = []
  return (_, rate, p, gradient) => {
    const g = gradient.map((x, i) => x + decay * p[i])
    const before = u.length === 0 ? zerosLike(p) : u
    u = before.map((x, i) => momentum * x + g[i])
    return p.map((x, i) => x - rate * (nesterov ? g[i] + momentum * u[i] : u[i]))
  }
}

/** Kingma & Ba 2015, algorithm 1, and Loshchilov & Hutter 2019, algorithm 2: the two places of weight decay. */
export const publishedAdam = (
  beta1: number,
  beta2: number,
  epsilon: number,
  { l2, decoupled }: { readonly l2: number; readonly decoupled: number },
): Rule => {
  let m: ReadonlyArray<number> = []
  let v: ReadonlyArray<number> = []
  return (t, rate, p, gradient) => {
    const g = gradient.map((x, i) => x + l2 * p[i])
    m = g.map((x, i) => beta1 * (m[i] ?? 0) + (1 - beta1) * x)
    v = g.map((x, i) => beta2 * (v[i] ?? 0) + (1 - beta2) * x * x)
    const mHat = m.map((x) => x / (1 - beta1 ** t))
    const vHat = v.map((x) => x / (1 - beta2 ** t))
    return p.map((x, i) => x - rate * (mHat[i] / (Math.sqrt(vHat[i]) + epsilon) + decoupled * x))
  }
}

/** Chen et al. 2023, algorithm 2. */
export const publishedLion = (beta1: number, beta2: number, decay: number): Rule => {
  let m: ReadonlyArray<number> = []
  return (_, rate, p, g) => {
    const before = m.length === 0 ? zerosLike(p) : m
    const c = before.map((x, i) => beta1 * x + (1 - beta1) * g[i])
    m = before.map((x, i) => beta2 * x + (1 - beta2) * g[i])
    return p.map((x, i) => x - rate * (Math.sign(c[i]) + decay * x))
  }
}

/** Shazeer & Stern 2018, algorithm 4 (a matrix of so many columns, by sums) and 5 (a vector: no columns), with section 8's α = max(ε2, rms)·ρ. */
export const publishedAdafactor = (
  columns: number | undefined,
  decayRate: number,
  clipThreshold: number,
  leastScale: number | undefined,
): Rule => {
  let r: ReadonlyArray<number> = []
  let c: ReadonlyArray<number> = []
  let full: ReadonlyArray<number> = []
  return (t, rho, p, g) => {
    const beta2 = 1 - t ** -decayRate
    const squares = g.map((x) => x * x + 1e-30)
    const kept = (before: ReadonlyArray<number>, now: ReadonlyArray<number>): ReadonlyArray<number> =>
      now.map((x, i) => beta2 * (before[i] ?? 0) + (1 - beta2) * x)
    const estimate = (): ReadonlyArray<number> => {
      if (columns === undefined) {
        full = kept(full, squares)
        return full
      }
      const rows = Array.from({ length: p.length / columns }, (_, i) => i)
      r = kept(
        r,
        rows.map((i) => total(squares.slice(i * columns, (i + 1) * columns))),
      )
      c = kept(
        c,
        Array.from({ length: columns }, (_, j) => total(rows.map((i) => squares[i * columns + j]))),
      )
      return p.map((_, k) => (r[Math.floor(k / columns)] * c[k % columns]) / total(r))
    }
    const v = estimate()
    const u = g.map((x, i) => x / Math.sqrt(v[i]))
    const clip = Math.max(1, rms(u) / clipThreshold)
    const alpha = leastScale === undefined ? rho : Math.max(leastScale, rms(p)) * rho
    return p.map((x, i) => x - (alpha * u[i]) / clip)
  }
}

/**
 * Mishchenko & Defazio 2023, algorithm 4 (Prodigy with Adam), on all parameters as one vector. In the paper r and s are of d²·γ·⟨g, x0 − x⟩
 * and d²·γ·g; that their package divides both by d0 changes nothing. It takes the step by γ·d with the old d and ε by the new, as the paper.
 */
export const publishedProdigy = (d0: number, beta1: number, beta2: number, epsilon: number): Rule => {
  const beta3 = Math.sqrt(beta2)
  let d = d0
  let r = 0
  let x0: ReadonlyArray<number> = []
  let m: ReadonlyArray<number> = []
  let v: ReadonlyArray<number> = []
  let s: ReadonlyArray<number> = []
  return (_, gamma, x, g) => {
    const old = d
    if (x0.length === 0) x0 = x
    m = g.map((y, i) => beta1 * (m[i] ?? 0) + (1 - beta1) * old * y)
    v = g.map((y, i) => beta2 * (v[i] ?? 0) + (1 - beta2) * old ** 2 * y * y)
    r = beta3 * r + gamma * old ** 2 * total(g.map((y, i) => y * (x0[i] - x[i])))
    s = g.map((y, i) => beta3 * (s[i] ?? 0) + gamma * old ** 2 * y)
    d = Math.max(old, r / total(s.map(Math.abs)))
    return x.map((y, i) => y - (gamma * old * m[i]) / (Math.sqrt(v[i]) + d * epsilon))
  }
}
