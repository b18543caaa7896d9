/**
 * The first step of a training, in a process that begins with it: `bench/overhead.ts` starts this as a user would, on the built package.
 * The name of the model is the only argument; the seconds from the start of the process are printed as JSON.
 */
import { realisticNames } from './realistic.js'
import { sampledSteps } from './sampled-steps.js'

const [name] = realisticNames(process.argv.at(-1) ?? '')
const step = await sampledSteps(name)
// `performance.now()` counts from the start of the process.
const ready = performance.now() / 1000
const { user, system } = process.cpuUsage()
await step(0)
console.log(JSON.stringify({ ready, processor: (user + system) / 1e6, done: performance.now() / 1000 }))
