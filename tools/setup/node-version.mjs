const LEAST = [20, 19]

/** Throws an error that says what to do when this Node is too old. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number)
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return
  throw new Error(`Hypernetes needs Node ${LEAST.join('.')} or newer; this is ${version}. See https://nodejs.org/en/download`)
}
