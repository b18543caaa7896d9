import { microsoft } from './microsoft.js'

const drawn =
  'noise inside a model cannot be the same at every run: make it outside and feed it as an input, or export in eval mode'

const recurrent = (cell: string): string =>
  `step ${cell} through the tokens in a loop, which exporters unroll: the same weights, and the same results`

const loop = 'write a loop of a fixed number of turns, which exporters unroll'

const quantised = 'the file computes in whole numbers: export the model before it is quantised'

const shapedByData =
  'how long its result is depends on data: keep all elements and choose among them with a mask and torch.where'

/** What to do instead; PyTorch's names, since most models come from there. Not every operator has a way of its own. */
const remedies: Readonly<Record<string, string>> = {
  GRU: recurrent('torch.nn.GRUCell'),
  LSTM: recurrent('torch.nn.LSTMCell'),
  RNN: recurrent('torch.nn.RNNCell'),
  Loop: loop,
  Scan: loop,
  Bernoulli: drawn,
  Multinomial: drawn,
  RandomNormal: drawn,
  RandomNormalLike: drawn,
  RandomUniform: drawn,
  RandomUniformLike: drawn,
  ConvInteger: quantised,
  DynamicQuantizeLinear: quantised,
  MatMulInteger: quantised,
  QLinearConv: quantised,
  QLinearMatMul: quantised,
  QuantizeLinear: quantised,
  Compress: shapedByData,
  NonMaxSuppression: shapedByData,
  Unique: shapedByData,
  Col2Im: 'where patches do not overlap, put them together with reshape and permute instead of F.fold',
  DFT: 'multiply by matrices of cosines and sines instead of torch.fft',
  EyeLike: 'make the matrix in __init__ and keep it as a buffer',
  GridSample: 'resample with F.interpolate where the grid is regular, or read elements with torch.gather',
  LRN: 'write it out: x / (k + alpha · the mean of x² over neighbouring channels) ** beta',
  STFT: 'multiply by matrices of cosines and sines instead of torch.stft',
}

const otherwise = 'write it with other operations in the model, or feed what it makes as an input'

/**
 * That an operator is not supported, and what to do instead.
 *
 * @param domain empty for ONNX's own
 *
 * @example
 * const text = file.notSupported('', 'GRU') // operator GRU is not supported; step torch.nn.GRUCell …
 */
export const notSupported = (domain: string, operator: string): string => {
  if (domain === '')
    return `operator ${operator} is not supported; ${Object.hasOwn(remedies, operator) ? remedies[operator] : otherwise}`
  const remedy =
    domain === microsoft
      ? 'export without optimising or quantising for ONNX Runtime'
      : 'export with standard ONNX operators'
  return `operator ${operator} of ${domain} is not supported; ${remedy}`
}
