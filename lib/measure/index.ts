export * from './drift.js'
export * from './frechet.js'
export * from './sliced-wasserstein.js'
