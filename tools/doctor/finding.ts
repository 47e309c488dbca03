/** `problem`: pods cannot run, or not safely. `warning`: something will be worse than it could be. */
export type State = 'ok' | 'warning' | 'problem'

/** One line of the report: what was looked at, what was found, and what to do about it. */
export type Finding = { subject: string; state: State; found: string; advice?: string }

export const ok = (subject: string, found: string): Finding => ({ subject, state: 'ok', found })
export const warning = (subject: string, found: string, advice: string): Finding => ({ subject, state: 'warning', found, advice })
export const problem = (subject: string, found: string, advice: string): Finding => ({ subject, state: 'problem', found, advice })

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
