/** The names under which the graphs of training take and give what is not a parameter of the model. */
export const names = {
  scalar: (name: string): string => `scalar/${name}`,
  slot: (slot: string, name: string): string => `${slot}/${name}`,
  average: (parameter: string): string => `ema/${parameter}`,
  gradient: (parameter: string): string => `gradient/${parameter}`,
  next: (name: string): string => `next/${name}`,
  term: (name: string): string => `term/${name}`,
} as const
