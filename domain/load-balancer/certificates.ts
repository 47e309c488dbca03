import type { BalancerProblem } from './annotations'
import type { CompiledBalancer } from './compiled'

/** A Secret as balancers know it: never its key. `problem`: why it is no certificate, or null; one that expired goes on, and `warning` says so, or that its end is near. */
export type KnownCertificate = { id: string; names: readonly string[]; problem: string | null; warning?: string | null }
/** The Secrets of a namespace that may be certificates, by name. */
export type KnownCertificates = { get: (secret: string) => KnownCertificate | undefined }

/** For checks before the Secrets are looked at, and while they may not exist yet: every one is there. */
export const anyCertificate: KnownCertificates = { get: () => ({ id: '00000000-0000-4000-8000-000000000000', names: [], problem: null }) }

/** The certificates that can be used, in the order in which they are named, each once; `warnings`: why others cannot, and which of these end soon. */
export function chooseCertificates(wanted: readonly { secret: string; at: string }[], known: KnownCertificates): { certificates: CompiledBalancer['certificates']; warnings: BalancerProblem[] } {
  const warnings: BalancerProblem[] = []
  const chosen = new Map<string, CompiledBalancer['certificates'][number]>()
  for (const { secret, at } of wanted) {
    const found = known.get(secret)
    if (!found) warnings.push({ path: at, message: `Secret "${secret}" does not exist in this namespace: create it with type kubernetes.io/tls` })
    else if (found.problem !== null) warnings.push({ path: at, message: `Secret "${secret}" cannot be used: ${found.problem}` })
    else {
      chosen.set(secret, { id: found.id, secret })
      if (found.warning) warnings.push({ path: at, message: `the certificate in Secret "${secret}" ${found.warning}` })
    }
  }
  return { certificates: [...chosen.values()], warnings }
}

/** Whether a certificate with these names is one for a host; a wildcard stands for one label (RFC 6125 section 6.4.3). */
export const certificateFits = (names: readonly string[], host: string): boolean => names.some((name) => name === host || (name.startsWith('*.') && host.includes('.') && name.slice(2) === host.slice(host.indexOf('.') + 1)))
