export * from './array-space.js'
export * from './number-space.js'
export * from './symbol-space.js'
export * from './vector-space.js'
