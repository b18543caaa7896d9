/**
 * What is given, where null stands for what is not: the defaults of whoever takes it then hold.
 *
 * @example
 * const options = present({ beta1: 0.9, beta2: null }) // { beta1: 0.9 }
 */
export const present = <T extends object>(values: T): { readonly [K in keyof T]?: NonNullable<T[K]> } =>
  // Entries that are null are gone, so the values that are left have the types they claim.
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as {
    readonly [K in keyof T]?: NonNullable<T[K]>
  }
