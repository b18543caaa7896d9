#!/usr/bin/env node
import { commandLine } from './command-line.js'
import { processTerminal } from './terminal.js'

// A reader that has seen enough, such as `head`, closes its end: no reason to stop training, nor to complain.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EPIPE') throw cause
  })

// What nobody expected is a bug: it is shown as it is, and reported as a failure.
process.exitCode = await commandLine(process.argv.slice(2), processTerminal).catch((bug: unknown) => {
  processTerminal.tell('This is a bug in deriva; please report it with the lines below.')
  processTerminal.tell(bug instanceof Error ? (bug.stack ?? bug.message) : String(bug))
  return 1
})
