export * from './drift.js'
