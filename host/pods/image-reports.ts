import { isDeepStrictEqual } from 'node:util'
import type { ImageReport } from '@/contracts/host/v1'
import { storableText } from './storable-text'

const maxMessage = 4096

/** What tells a report of an image from another. */
export const imageKey = ({ tenantId = '', reference }: Pick<ImageReport, 'tenantId' | 'reference'>): string => (tenantId === '' ? reference : `${tenantId} ${reference}`)

/**
 * What is told of images, by tenant and reference: what one tenant's credentials gave, or failed to give, is that
 * tenant's alone. Tenants choose references: what was never pulled is kept only as long as somebody wants it.
 */
export class ImageReports {
  private readonly reports = new Map<string, ImageReport>()

  /** `nameOf` gives a reference in full. */
  constructor(readonly nameOf: (reference: string) => string = (reference) => reference) {}

  /** Takes a report in, of which the text is registries' and tenants'. Returns its key for {@link take}, and whether it says what the last one said. */
  put(image: ImageReport, isWanted: (tenantId: string, name: string) => boolean): { key: string; isKnown: boolean } {
    const report = { ...image, reference: this.nameOf(image.reference), message: storableText(image.message, maxMessage) }
    const { tenantId = '', reference } = report
    const key = imageKey(report)
    const isKnown = isDeepStrictEqual(this.reports.get(key), report)
    this.reports.delete(key)
    if (report.phase === 'Ready' || isWanted(tenantId, reference)) this.reports.set(key, report)
    return { key, isKnown }
  }

  /** An image is gone from this host. Returns the keys of what is to be told. */
  removed(digest: string): string[] {
    const keys: string[] = []
    for (const [key, report] of this.reports) {
      if (report.digest !== digest || report.phase !== 'Ready') continue
      this.reports.set(key, { ...report, phase: 'Removed', message: '' })
      keys.push(key)
    }
    return keys
  }

  forget(isWanted: (tenantId: string, name: string) => boolean): void {
    for (const [key, { phase, tenantId = '', reference }] of this.reports) if (phase !== 'Ready' && !isWanted(tenantId, reference)) this.reports.delete(key)
  }

  /** The report of a key, to be sent: one that says "removed" is told once. */
  take(key: string): ImageReport | null {
    const report = this.reports.get(key) ?? null
    if (report?.phase === 'Removed') this.reports.delete(key)
    return report
  }

  all(): ImageReport[] {
    return [...this.reports.values()].filter(({ phase }) => phase !== 'Removed')
  }
}
