/** A word of a shell's command line, quoted where it must be. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)

/** What a person types on their own machine, in the checkout, to have a port of the pod there. The token comes from the environment. */
export function forwardCommand({ origin, tenant, namespace, name, port }: { origin: string; tenant: string; namespace: string; name: string; port: number }): string {
  // Ports below 1024 need rights that nobody should need for this.
  const local = port < 1024 ? port + 8000 : port
  return ['npm', 'run', 'forward', '--', '--url', origin, '--tenant', tenant, `${namespace}/${name}`, `${local}:${port}`].map(quoted).join(' ')
}
