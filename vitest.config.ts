import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const lib = fileURLToPath(new URL('./lib', import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^deriva$/, replacement: `${lib}/index.ts` },
      { find: /^deriva\/(.+)$/, replacement: `${lib}/$1/index.ts` },
    ],
  },
  test: {
    include: ['spec/**/*.spec.ts'],
    setupFiles: ['spec/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // ONNX Runtime's native threads and worker threads do not mix well: one process per file.
    pool: 'forks',
    // Specs that weigh the heap collect garbage first.
    execArgv: ['--expose-gc'],
  },
})
