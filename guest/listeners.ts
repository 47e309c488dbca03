/** The address by which a listener of a port is reached, from the lines of /proc/net/tcp or tcp6; undefined where none listens. */
export function listenerAddress(table: string, port: number): string | undefined {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const found = table.split('\n').flatMap((line) => {
    const [, address = '', listenPort, state] = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ (\w\w)/.exec(line) ?? []
    return state === '0A' && listenPort === wanted ? [readableAddress(address)] : []
  })
  return found.find((address) => address === '127.0.0.1') ?? found[0]
}

/** Each word of 32 bits is written as the machine has it, lowest byte first. All addresses at once are reached by the loopback. */
function readableAddress(hex: string): string {
  if (/^0+$/.test(hex)) return '127.0.0.1'
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const mapped = bytes.slice(0, 12).join('') === '00000000000000000000FFFF'
  if (mapped) return bytes.slice(12).map((byte) => Number.parseInt(byte, 16)).join('.')
  return (bytes.join('').match(/.{4}/g) ?? []).join(':').toLowerCase()
}
