/**
 * Which solver gets closest for how many model evaluations? Every deterministic solver of the catalogue, from noise to data, on a
 * mixture of two Gaussians whose trajectories are known in closed form.
 *
 *     npx tsx bench/work-precision.ts          # writes docs/images/work-precision.svg
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import * as Plot from '@observablehq/plot'
import { exactEnd, perfectDenoiser, twoPeaks } from 'deriva/laws'
import { ddpm, flow, type Path } from 'deriva/path'
import { execute, program, type SolverName, solverNames, solvers, trailing } from 'deriva/solver'
import { DOMParser } from 'linkedom'

const families: Readonly<Record<string, ReadonlyArray<SolverName>>> = {
  'first order': ['euler'],
  'Runge–Kutta': ['midpoint', 'dpm2', 'heun', 'ralston', 'kutta3', 'rk4'],
  'exponential multistep': ['dpm', 'dpm_singlestep', 'unip', 'unipc', 'deis'],
  Adams: ['lms', 'ipndm', 'adams_moulton'],
}

type Run = {
  readonly solver: string
  readonly family: string
  /** Its place in the family, which is its colour. */
  readonly place: number
  readonly path: string
  readonly evaluations: number
  readonly error: number
}

/** Starting points over the middle 99 % of the prior. */
const starts = Float64Array.from({ length: 41 }, (_, i) => -2.5 + (5 * i) / 40)
const paths: Readonly<Record<string, Path>> = {
  flow: flow(),
  ddpm: ddpm({ betaSchedule: 'squaredcos_cap_v2' }),
}

const runs = Object.entries(paths).flatMap(([pathName, path]): ReadonlyArray<Run> => {
  const parameterisation = pathName === 'flow' ? 'flow_matching' : 'v_prediction'
  const denoiser = perfectDenoiser(twoPeaks, parameterisation)
  const exact = Array.from(starts, (x) =>
    exactEnd(twoPeaks, x * path.noisiest.sigma, path.noisiest, path.clean),
  )
  return Object.entries(families).flatMap(([family, names]) =>
    names.flatMap((name, place) => {
      const { orders } = solvers[name]
      const order = orders.includes(3) && orders.length > 1 ? 3 : orders[orders.length - 1]
      return [3, 4, 5, 6, 8, 10, 12, 16, 20, 26, 32, 40, 52, 64, 80, 100].flatMap(
        (steps): ReadonlyArray<Run> => {
          const one = program(solvers[name]({ order }), path, parameterisation, trailing(path, steps))
          if (one.evaluations.length > 100) return []
          const ends = execute(
            one,
            denoiser,
            starts.map((x) => x * path.noisiest.sigma),
          )
          const error = Math.sqrt(exact.reduce((sum, x, i) => sum + (x - ends[i]) ** 2, 0) / exact.length)
          const solver = orders.length > 1 ? `${name} ${order}` : name
          return [{ solver, family, place, path: pathName, evaluations: one.evaluations.length, error }]
        },
      )
    }),
  )
})

/** What the picture shows: a solver that is off by more than the data itself is simply off. */
const [least, most] = [1e-6, 3]

const missing = solverNames.filter((name) => !Object.values(families).flat().includes(name))
console.log(`not drawn (stochastic, or equal to one that is): ${missing.join(', ')}`)
console.table(
  runs
    .filter(({ evaluations }) => evaluations === 20)
    .toSorted((a, b) => a.path.localeCompare(b.path) || a.error - b.error)
    .map(({ path, solver, error }) => ({
      path,
      solver,
      'RMS error at 20 evaluations': error.toExponential(2),
    })),
)

const document: unknown = new DOMParser().parseFromString('<html></html>', 'text/html')
/** The last point of every curve, moved apart where labels would cover each other. */
const ends = Object.keys(paths).flatMap((path) =>
  Object.keys(families).flatMap((family) => {
    const ofPanel = runs.filter((run) => run.path === path && run.family === family)
    let above = Infinity
    return ofPanel
      .filter((run, i) => ofPanel.findLastIndex(({ solver }) => solver === run.solver) === i)
      .toSorted((a, b) => b.error - a.error)
      .map((run) => {
        above = Math.min(Math.log10(Math.min(run.error, most)), above - 0.5)
        return { ...run, evaluations: 100, error: 10 ** Math.max(above, Math.log10(least)) }
      })
  }),
)
const everyFamily = Object.keys(families)
const behind = everyFamily.flatMap((family) => runs.map((run) => ({ ...run, panel: family })))
const figure: unknown = Plot.plot({
  document,
  width: 1000,
  height: 1200,
  marginRight: 130,
  marginLeft: 60,
  style: { background: 'white', color: '#222', fontSize: '12px', fontFamily: 'system-ui, sans-serif' },
  x: { type: 'log', label: 'model evaluations', ticks: [3, 5, 10, 20, 50, 100], tickFormat: 'd' },
  y: {
    type: 'log',
    label: 'RMS error',
    domain: [least, most],
    clamp: true,
    tickFormat: '.0e',
    grid: true,
    ticks: 6,
  },
  fx: { label: null, domain: Object.keys(paths), padding: 0.3 },
  fy: { axis: null, domain: everyFamily },
  color: { type: 'categorical', scheme: 'Dark2', domain: [0, 1, 2, 3, 4, 5] },
  marks: [
    Plot.frame({ stroke: '#ccc' }),
    Plot.line(behind, {
      x: 'evaluations',
      y: 'error',
      z: 'solver',
      fx: 'path',
      fy: 'panel',
      stroke: '#e4e4e4',
    }),
    Plot.line(runs, {
      x: 'evaluations',
      y: 'error',
      z: 'solver',
      fx: 'path',
      fy: 'family',
      stroke: 'place',
      strokeWidth: 2,
    }),
    Plot.text(everyFamily, {
      fy: (name: string) => name,
      text: (name: string) => name,
      frameAnchor: 'top-right',
      dx: -8,
      dy: 8,
      fontWeight: 600,
    }),
    Plot.text(ends, {
      x: 'evaluations',
      y: 'error',
      fx: 'path',
      fy: 'family',
      text: 'solver',
      fill: 'place',
      textAnchor: 'start',
      dx: 5,
      fontWeight: 600,
    }),
  ],
})
// Plot's types speak of a browser's document; linkedom's has all that it uses.
const isElement = (u: unknown): u is { readonly outerHTML: string } =>
  typeof u === 'object' && u !== null && 'outerHTML' in u && typeof u.outerHTML === 'string'
if (!isElement(figure)) throw new Error('nothing was drawn')
mkdirSync(new URL('../docs/images/', import.meta.url), { recursive: true })
const svg = figure.outerHTML.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')
writeFileSync(new URL('../docs/images/work-precision.svg', import.meta.url), `${svg}\n`)
