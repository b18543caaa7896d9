import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { builtLibrary } from './spec/built.js'

const lib = await builtLibrary()

/** Specs that change the process they run in: they get one of their own. */
const apart = ['spec/train/webgpu.spec.ts']

export default defineConfig({
  resolve: {
    alias: [
      { find: /^deriva$/, replacement: `${lib}/index.js` },
      { find: /^deriva\/(.+)$/, replacement: `${lib}/$1/index.js` },
      { find: /^(?:\.\.\/)+lib\/(.+)$/, replacement: `${lib}/$1` },
    ],
  },
  test: {
    globalSetup: ['spec/scratch.ts'],
    setupFiles: ['spec/setup.ts'],
    // The longest take a quarter of a minute; a machine that has other things to do may take ten times as long.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // ONNX Runtime's native threads and worker threads do not mix well: processes.
    pool: 'forks',
    // Specs that weigh the heap collect garbage first.
    execArgv: ['--expose-gc'],
    // Sessions have threads of their own.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    projects: [
      {
        extends: true,
        // All in the same few processes, which load the library once.
        test: { name: 'together', include: ['spec/**/*.spec.ts'], exclude: apart, isolate: false },
      },
      { extends: true, test: { name: 'apart', include: apart } },
    ],
  },
})
