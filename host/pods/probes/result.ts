/**
 * What a check found. `warning` counts as success, with an event. `unknown`: the check itself could not be made; as in
 * Kubernetes it changes nothing, and an event tells it.
 */
export type CheckResult = { outcome: 'success' | 'warning' | 'failure' | 'unknown'; message: string }

export const success: CheckResult = { outcome: 'success', message: '' }
export const failure = (message: string): CheckResult => ({ outcome: 'failure', message })

/** As the kubelet bounds what a check says. */
export const maxMessage = 10 << 10

/** Text of the tenant's for a message: one piece without control characters, bounded. */
export function quoted(text: string, limit = 300): string {
  const plain = text.replace(/\p{Cc}+/gu, ' ').trim()
  return `${plain.slice(0, limit).replace(/\p{Cs}/gu, '\ufffd')}${plain.length > limit ? '…' : ''}`
}
