import type { Rules } from '../rule.js'
import { activation } from './activation.js'
import { arithmetic } from './arithmetic.js'
import { assembling } from './assemble.js'
import { convolving } from './convolution.js'
import { indexing } from './indexing.js'
import { multiplying } from './matmul.js'
import { normalising } from './normalisation.js'
import { pointwise } from './pointwise.js'
import { pooling } from './pooling.js'
import { reducing } from './reduce.js'
import { resampling } from './resize.js'
import { reshaping } from './reshape.js'

/** The gradient of every operator. An operator without an entry does not compile. */
export const rules: Rules = {
  ...activation,
  ...arithmetic,
  ...assembling,
  ...convolving,
  ...indexing,
  ...multiplying,
  ...normalising,
  ...pointwise,
  ...pooling,
  ...reducing,
  ...resampling,
  ...reshaping,
}
