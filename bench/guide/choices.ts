import * as Plot from '@observablehq/plot'
import { ramp, rampShapeNames, strategies, strategyNames } from 'deriva/rollout'
import { colours, look, svgFile } from './drawing.js'
import { type Language, words } from './words.js'

/** The shapes of the ramp, from nothing to half of the samples over steps 500 … 1500. */
export const rampPicture = (language: Language): string => {
  const say = words[language]
  const curves = rampShapeNames.flatMap((shape) => {
    const share = ramp({ to: 0.5, startStep: 500, steps: 1000, shape })
    return Array.from({ length: 101 }, (_, i) => ({ shape, step: 20 * i, share: share(20 * i) }))
  })
  return svgFile((document) =>
    Plot.plot({
      document,
      width: 720,
      height: 260,
      marginLeft: 50,
      marginBottom: 40,
      marginRight: 70,
      style: look,
      x: { label: say.step, labelArrow: 'none', ticks: 5, tickFormat: 'd' },
      y: {
        label: `${say.share}, %`,
        labelArrow: 'none',
        percent: true,
        grid: true,
        ticks: 5,
        domain: [0, 60],
      },
      color: { domain: rampShapeNames, range: colours },
      marks: [
        Plot.line(curves, { x: 'step', y: 'share', stroke: 'shape', strokeWidth: 2 }),
        ...rampShapeNames.map((shape, i) =>
          Plot.text(
            curves.filter((at) => at.shape === shape && at.step === (i === 0 ? 840 : 1160)),
            {
              x: 'step',
              y: 'share',
              text: 'shape',
              fill: 'shape',
              dx: i === 0 ? -6 : 6,
              textAnchor: i === 0 ? 'end' : 'start',
              dy: i === 0 ? -4 : 10,
              fontWeight: 600,
            },
          ),
        ),
      ],
    }),
  )
}

/** The longest rollout of the picture, in steps. */
const most = 10

/** Places of [0, 1) at which a strategy is asked: fine enough for a picture. */
const asked = 20_000

/** The strategies that draw: of the longest there is nothing to see. */
const drawing = strategyNames.filter((strategy) => strategy !== 'longest')

/** How often each strategy draws each length. */
export const lengthPicture = (language: Language): string => {
  const say = words[language]
  const bars = drawing.flatMap((strategy) => {
    const counts = new Float64Array(most + 1)
    for (let i = 0; i < asked; i++) counts[strategies[strategy]((i + 0.5) / asked, most)]++
    return Array.from(counts, (count, length) => ({ strategy, length, often: count / asked }))
  })
  return svgFile((document) =>
    Plot.plot({
      document,
      width: 900,
      height: 260,
      marginLeft: 50,
      marginTop: 34,
      marginBottom: 40,
      style: look,
      x: { label: say.length, labelArrow: 'none', padding: 0.15 },
      y: {
        label: `${say.often}, %`,
        labelArrow: 'none',
        percent: true,
        grid: true,
        ticks: 5,
        domain: [0, 25],
      },
      fx: { label: null, domain: drawing, padding: 0.08 },
      marks: [
        Plot.barY(bars, { x: 'length', y: 'often', fx: 'strategy', fill: colours[0] }),
        Plot.ruleY([0]),
      ],
    }),
  )
}
