import * as os from 'qjs:os'

/** Waits without holding up anything else. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => os.setTimeout(resolve, milliseconds))
}
