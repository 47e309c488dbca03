import { useSyncExternalStore } from 'react'

/** The one WebSocket's state. `lost` carries since when (ms), for pages must say how old they are. */
export type Connection = { state: 'idle' } | { state: 'live' } | { state: 'lost'; since: number }

let connection: Connection = { state: 'idle' }
const listeners = new Set<() => void>()

export function setConnection(next: Connection) {
  if (next.state === connection.state) return
  connection = next
  for (const listener of listeners) listener()
}

const idle: Connection = { state: 'idle' }

export const useConnection = () => useSyncExternalStore(
  (listener) => { listeners.add(listener); return () => listeners.delete(listener) },
  () => connection,
  () => idle,
)
