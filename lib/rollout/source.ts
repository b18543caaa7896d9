/**
 * What a rollout starts from: the sample's own data, `noised` to the source time, or the model's own `trajectory` from the sample's
 * pure noise; see `plan`.
 */
export const rolloutSources = ['noised', 'trajectory'] as const

export type RolloutSource = (typeof rolloutSources)[number]
