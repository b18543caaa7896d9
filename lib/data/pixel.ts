/** The value in [−1, 1] that stands for a byte of a picture: black is −1, white 1. [256] */
export const pixelOf = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255) * 2 - 1)
