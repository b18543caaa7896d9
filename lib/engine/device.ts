/** Where graphs are computed. */
export const devices = ['cpu', 'cuda', 'webgpu'] as const

export type Device = (typeof devices)[number]

/** A wish for a device: one by name, or the best that is there. */
export type DeviceChoice = 'auto' | Device
