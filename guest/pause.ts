import * as os from 'qjs:os'

/** Waits without holding up anything else. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => os.setTimeout(resolve, milliseconds))
}

/** Does something later, unless it is called off by what this returns. */
export function after(milliseconds: number, action: () => void): () => void {
  const timer = os.setTimeout(action, milliseconds)
  return () => os.clearTimeout(timer)
}
