export type Problems = ReadonlyArray<{ path: string; message: string }>

/** The first problem at a path or below it, as a sentence. */
export function problemAt(problems: Problems, path: string, deep = false): string | undefined {
  const found = problems.find((problem) => problem.path === path || (deep && (problem.path.startsWith(`${path}.`) || problem.path.startsWith(`${path}[`))))
  return found && found.message.charAt(0).toUpperCase() + found.message.slice(1)
}
