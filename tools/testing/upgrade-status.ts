import WebSocket from 'ws'

/** The status of a refused upgrade to a WebSocket, or 101. */
export function upgradeStatus(address: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(address, { headers })
  return new Promise((resolve) => {
    socket.on('open', () => {
      resolve(101)
      socket.close()
    })
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
    socket.on('error', () => {})
  })
}
