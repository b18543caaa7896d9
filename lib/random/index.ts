export * from './key.js'
export * from './philox.js'
