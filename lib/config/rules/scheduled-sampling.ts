import { solvers } from '../../solver/registry.js'
import type { Rule } from './rule.js'

/** What solvers can do. */
export const scheduledSamplingRules: ReadonlyArray<Rule> = [
  {
    keys: ['scheduled_sampling_order', 'scheduled_sampling_sampler'],
    refuse: ({ scheduled_sampling_order: order, scheduled_sampling_sampler: sampler }) => {
      const { orders } = solvers[sampler]
      return orders.length > 1 && !orders.includes(order)
        ? `one of ${orders.join(', ')}, the orders of ${sampler}`
        : undefined
    },
  },
]
