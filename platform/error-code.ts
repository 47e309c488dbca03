/** What Node, or the system below it, calls an error, such as ENOENT; undefined where it is no such error. */
export const codeOf = (error: unknown): string | undefined => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined)
