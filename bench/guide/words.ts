/** What the pictures of the guide say, in the languages of the guide. */
export type Words = {
  readonly data: string
  readonly ideal: string
  readonly own: string
  readonly drift: string
  readonly trained: string
  readonly perfect: string
  readonly step: string
  readonly share: string
  readonly length: string
  readonly often: string
  readonly span: string
  readonly relativeDrift: string
  /** Of the mean of all that a noised sample may be. */
  readonly detail: string
  /** Of a solver by its name, and so many steps. */
  readonly inSteps: (solver: string, steps: number) => string
}

export const words = {
  en: {
    data: 'data',
    ideal: 'noised data x_t',
    own: 'what the model makes, x̂_t',
    drift: 'drift',
    trained: 'a model after a short training',
    perfect: 'the best model there can be',
    step: 'training step',
    share: 'share of samples rolled out',
    length: 'steps of the rollout',
    often: 'how often',
    span: 'span: stride × steps, in timesteps',
    relativeDrift: 'drift ‖x̂ − x‖ / ‖x‖',
    detail: 'detail of the best guess at the data',
    inSteps: (solver, steps) => (steps === 1 ? `${solver}, 1 step` : `${solver}, ${steps} steps`),
  },
  es: {
    data: 'datos',
    ideal: 'datos con ruido x_t',
    own: 'lo que genera el modelo, x̂_t',
    drift: 'deriva',
    trained: 'un modelo poco entrenado',
    perfect: 'el mejor modelo posible',
    step: 'paso de entrenamiento',
    share: 'proporción de muestras con rollout',
    length: 'pasos del rollout',
    often: 'frecuencia',
    span: 'tramo: zancada × pasos, en unidades de t',
    relativeDrift: 'deriva ‖x̂ − x‖ / ‖x‖',
    detail: 'detalle de la mejor conjetura sobre los datos',
    inSteps: (solver, steps) => (steps === 1 ? `${solver}, 1 paso` : `${solver}, ${steps} pasos`),
  },
} as const satisfies Record<string, Words>

export type Language = keyof typeof words

/** All languages; the keys of a constant table are exactly these. */
export const languages = Object.keys(words) as ReadonlyArray<Language>
