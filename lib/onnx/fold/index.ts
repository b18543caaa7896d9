export * from './evaluate.js'
export * from './special.js'
