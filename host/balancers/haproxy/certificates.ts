import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Certificate } from '../ports'

/** Bytes of all certificates of one balancer: its HAProxy has them in its memory, and their files are in memory twice while it is told of others. */
export const mostBytes = 20 << 20

/** Why HAProxy could not use a certificate, for people; null: it can. HAProxy would refuse all of a configuration for one. */
export function problemOf({ pem }: Pick<Certificate, 'pem'>): string | null {
  try {
    const key = createPrivateKey(pem)
    return new X509Certificate(pem).checkPrivateKey(key) ? null : 'its key is not the key of the certificate'
  } catch {
    // What the error says may quote the key.
    return 'it is not a certificate and a key that can be read'
  }
}

/** The certificates of these that can be used, and what is wrong with the others. Each revision is looked at once. */
export class CertificateChecks {
  private readonly known = new Map<string, { revision: string; problem: string | null }>()

  usable(ids: ReadonlySet<string>, certificates: ReadonlyMap<string, Certificate>): { usable: Map<string, Certificate>; problems: string[] } {
    const usable = new Map<string, Certificate>()
    const problems: string[] = []
    let bytes = 0
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id)
    for (const id of ids) {
      const certificate = certificates.get(id)
      if (!certificate) {
        problems.push(`the certificate ${id} has not come to this host`)
        continue
      }
      const problem = this.problem(certificate)
      bytes += certificate.pem.length
      if (problem === null && bytes > mostBytes) problems.push(`the certificate ${id} is left out, for those before it take up the ${mostBytes >> 20} MiB that the certificates of one balancer may have`)
      else if (problem === null) usable.set(id, certificate)
      else problems.push(`the certificate ${id} cannot be used: ${problem}`)
    }
    return { usable, problems }
  }

  private problem(certificate: Certificate): string | null {
    const known = this.known.get(certificate.id)
    if (known?.revision === certificate.revision) return known.problem
    const problem = problemOf(certificate)
    this.known.set(certificate.id, { revision: certificate.revision, problem })
    return problem
  }
}

/** A certificate's file without empty lines, which would end it in a command. */
export const fileOf = ({ pem }: Pick<Certificate, 'pem'>): string => `${pem.split(/\r?\n/).filter((line) => line.trim() !== '').join('\n')}\n`
