#!/usr/bin/env node
import { commandLine } from './command-line.js'
import { processTerminal } from './terminal.js'

// A reader that has seen enough, such as `head`, closes its end; the terminal of a lost connection is gone; the disk under a log is full: no
// reasons to stop training, and nobody to complain to.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

// What nobody expected is a bug: it is shown as it is, and reported as a failure.
process.exitCode = await commandLine(process.argv.slice(2), processTerminal).catch((bug: unknown) => {
  processTerminal.tell('This is a bug in deriva; please report it with the lines below.')
  processTerminal.tell(bug instanceof Error ? (bug.stack ?? bug.message) : String(bug))
  return 1
})
