export * from './checkpoint.js'
export * from './fit.js'
export {
  type CheckpointError,
  checkpointError,
  checkpointName,
  checkpoints,
  keepNewest,
  writeFolder,
} from './folder.js'
export * from './safetensors.js'
