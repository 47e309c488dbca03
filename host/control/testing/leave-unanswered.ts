import { vi } from 'vitest'
import type { Browser } from './browser'
import type { FakeProcess } from './fake-process'

/** The browser goes away, the process is killed, and its guest never tells the end: the stream is served to its end all the same. */
export async function leaveUnanswered(browser: Browser, process: FakeProcess, served: Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    browser.socket.terminate()
    while (!process.signals.includes('KILL')) await new Promise((resolve) => setImmediate(resolve))
    vi.advanceTimersByTime(5_000)
    await served
  } finally {
    vi.useRealTimers()
  }
}
