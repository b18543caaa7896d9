import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { chooseDevice, type Finding, type Machine, thisMachine } from '../engine/index.js'
import type { DerivaError } from '../types/index.js'
import type { ExitCode } from './outcome.js'
import type { Terminal } from './terminal.js'

/** The pairs (socket, core) of a /proc/cpuinfo: threads of one core share it. */
const coresIn = (cpuinfo: string): number =>
  new Set(
    cpuinfo.split(/\n\n+/).flatMap((thread) => {
      const [socket, core] = ['physical id', 'core id'].map(
        (key) => new RegExp(`^${key}\\s*:\\s*(\\d+)`, 'm').exec(thread)?.[1],
      )
      return core === undefined ? [] : [`${socket ?? '0'}/${core}`]
    }),
  ).size

/** Physical cores, where the system tells. */
const cores = (): number | undefined => {
  try {
    return coresIn(readFileSync('/proc/cpuinfo', 'utf8')) || undefined
  } catch {
    return undefined
  }
}

const cpuLine = (): string => {
  const [physical, threads] = [cores(), availableParallelism()]
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  return `${cpus()[0]?.model ?? process.arch}, ${physical === undefined ? '' : `${count(physical, 'core')}, `}${count(threads, 'thread')}`
}

const lines = (name: string, finding: Finding): ReadonlyArray<string> =>
  finding.there
    ? [
        `${name.padEnd(8)}${finding.name}${finding.software ? ' (software: computed by the CPU, slowly)' : ''}`,
        ...finding.details.map((detail) => `        ${detail}`),
      ]
    : [`${name.padEnd(8)}not to be had: ${finding.why}`, `        what may help: ${finding.remedy}`]

/**
 * `deriva devices`: what this machine can compute on, and which of it `--device auto` takes.
 *
 * @returns 0
 * @example
 * const outcome = devicesCommand(processTerminal)
 */
export const devicesCommand =
  (terminal: Terminal, machine: Machine = thisMachine): TE.TaskEither<DerivaError, ExitCode> =>
  async () => {
    const [cuda, webgpu] = await Promise.all([machine.cuda(), machine.webgpu()])
    const chosen = await chooseDevice('auto', machine)()
    for (const line of [`cpu     ${cpuLine()}`, ...lines('cuda', cuda), ...lines('webgpu', webgpu)])
      terminal.print(line)
    if (chosen._tag === 'Right') terminal.print(`\nauto takes ${chosen.right.device}.`)
    return { _tag: 'Right', right: 0 }
  }
