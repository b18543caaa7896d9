import * as fc from 'fast-check'

// Properties are tried on other values each time; where a change is judged by the outcome, on the same ones.
if (process.env['CI'] !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_123 })
