export * from './batch.js'
export * from './error.js'
export * from './parameterisation.js'
export * from './tensor.js'
