import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A temporary folder for all that tests write, and what they start writes, which goes when they end.
 *
 * @returns what to do then
 */
export default (): (() => void) => {
  const folder = mkdtempSync(join(tmpdir(), 'deriva-spec-'))
  process.env['TMPDIR'] = folder
  return () => {
    rmSync(folder, { recursive: true, force: true })
  }
}
