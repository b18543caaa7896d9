import type { Parameterisation } from '../../types/index.js'

/** The parameterisations of a discrete diffusion. */
export type Discrete = Exclude<Parameterisation, 'flow_matching'>
