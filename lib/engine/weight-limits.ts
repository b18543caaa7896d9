/**
 * Bytes of a model's constants from which sessions take them in another way:
 *
 * - `mapped`: from the disk instead of from memory. ONNX Runtime maps them into memory, where all sessions share them and the system can
 *   let go of them; of what it is handed in memory every session makes a copy.
 * - `bare`: as they are. It makes copies else, packed for its matrix products or transposed, in every session. Products of few rows take longer
 *   without: on two cores those of 256 rows with 4096×4096 weights 1.15 times as long.
 *
 * @example
 * const { mapped } = weightLimits
 */
export const weightLimits = { mapped: 2 ** 28, bare: 2 ** 30 } as const
