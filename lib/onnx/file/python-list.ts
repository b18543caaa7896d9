/**
 * The texts of a list as Python prints it, which is how PyTorch's exporter writes lists into metadata.
 *
 * @example
 * const names = file.pythonList("['w', 'b']") // w, b
 */
export const pythonList = (printed: string): ReadonlyArray<string> =>
  [...printed.matchAll(/'([^']*)'/g)].map(([, text]) => text)
