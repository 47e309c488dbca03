/**
 * Kubernetes' expansion in command, args and env: `$(NAME)` becomes the variable's value where it is known, `$$(NAME)`
 * becomes `$(NAME)`, anything else stays. Source: kubernetes third_party/forked/golang/expansion.
 */
export function expandVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (whole === '$$') return '$'
    return name !== undefined && Object.hasOwn(variables, name) ? (variables[name] ?? whole) : whole
  })
}

/** The environment of a container: each value may use the variables above it. */
export function expandEnvironment(env: readonly { name: string; value: string }[]): Record<string, string> {
  const known: Record<string, string> = {}
  for (const { name, value } of env) known[name] = expandVariables(value, known)
  return known
}
