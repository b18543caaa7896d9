import { chmodSync, existsSync, rmSync, symlinkSync } from 'node:fs'

/**
 * Makes `npx deriva` and npm scripts find this package's own command in a checkout: they look in node_modules/.bin, where npm
 * links the commands of dependencies only. (npx would find it without, after installing the package into a cache each time.)
 */

const bin = new URL('../node_modules/.bin/', import.meta.url)
const program = new URL('../dist/cli/main.js', import.meta.url)

chmodSync(program, 0o755)
if (existsSync(bin)) {
  const link = new URL('deriva', bin)
  try {
    rmSync(link, { force: true })
    symlinkSync('../../dist/cli/main.js', link)
  } catch (cause) {
    // Where links need rights that the user lacks, npx still finds the command by itself.
    console.warn(`node_modules/.bin/deriva is not linked: ${cause.message}`)
  }
}
