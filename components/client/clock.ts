import { useSyncExternalStore } from 'react'

let now = 0
let timer: ReturnType<typeof setInterval> | undefined
const listeners = new Set<() => void>()

function subscribe(listener: () => void) {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) { clearInterval(timer); timer = undefined; now = 0 }
  }
}

/** The time in ms, a tick a second, one timer for the whole page; undefined in the server's HTML, which must not name a time. */
export function useNow(): number | undefined {
  return useSyncExternalStore(subscribe, () => (now ||= Date.now()), () => undefined)
}
