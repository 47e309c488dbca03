import { z } from 'zod'
import { parseBytes, parseMilliCpu } from '../shared/quantity'

/** What several parts of a PodSpec are made of; the messages follow the field's name. */
export const text = z.string({ error: 'must be a string: quote it' })
export const integerId = z.number({ error: 'must be a whole number' }).int('must be a whole number').min(0, 'must be 0 or more').max(2 ** 31 - 1, 'must be at most 2147483647')
export const wholeNumber = (min: number, max: number) => z.number({ error: 'must be a whole number' }).int('must be a whole number').min(min, `must be at least ${min}`).max(max, `must be at most ${max}`)
export const absolutePath = text.max(4096).regex(/^\//, 'must be an absolute path').refine((p) => !p.split('/').includes('..') && !p.includes('\0') && !p.includes(':'), 'must not contain "..", ":" or a zero byte')
/** A path below a volume or mount point, as Kubernetes' `subPath`, `items[].path` have it. */
export const relativePath = text.max(4096).min(1, 'must not be empty').refine((p) => !p.startsWith('/') && !p.split('/').includes('..') && !p.includes('\0') && !p.includes(':'), 'must be a relative path without "..", ":" or a zero byte')
export const argument = text.max(128 << 10).refine((v) => !v.includes('\0'), 'must not contain a zero byte')

export const quantityText = z.union([z.string(), z.number().transform(String)], { error: 'must be a quantity such as "128Mi" or "250m"' })
export const memoryQuantity = quantityText.refine((q) => (parseBytes(q) ?? 0) >= 4 << 20, 'must be a quantity of at least 4Mi, such as "128Mi"').refine((q) => (parseBytes(q) ?? 0) <= 2 ** 40, 'must be at most 1Ti')
export const cpuQuantity = quantityText.refine((q) => (parseMilliCpu(q) ?? 0) >= 1, 'must be a quantity of CPUs such as "1" or "250m"').refine((q) => (parseMilliCpu(q) ?? 0) <= 256_000, 'must be at most 256')
export const diskQuantity = quantityText.refine((q) => (parseBytes(q) ?? 0) >= 1 << 20, 'must be a quantity of at least 1Mi, such as "1Gi"').refine((q) => (parseBytes(q) ?? 0) <= 2 ** 40, 'must be at most 1Ti')
export const divisorQuantity = quantityText

const resourceAmounts = z.strictObject({ cpu: cpuQuantity.optional(), memory: memoryQuantity.optional(), 'ephemeral-storage': diskQuantity.optional() })
export const resources = z
  .strictObject({ limits: resourceAmounts.default({}), requests: resourceAmounts.default({}) })
  .superRefine((r, context) => {
    const above = (kind: 'cpu' | 'memory' | 'ephemeral-storage', parse: (q: string) => number | null) => {
      const [request, limit] = [r.requests[kind], r.limits[kind]]
      if (request && limit && (parse(request) ?? 0) > (parse(limit) ?? 0)) context.addIssue({ code: 'custom', path: ['requests', kind], message: `must be at most the limit ${limit}` })
    }
    above('cpu', parseMilliCpu)
    above('memory', parseBytes)
    above('ephemeral-storage', parseBytes)
  })

/** The indices of items whose name stands earlier in the list; items without a name never match. */
export const duplicates = (names: (string | undefined)[]): number[] => names.map((name, i) => (name !== undefined && names.indexOf(name) < i ? i : -1)).filter((i) => i >= 0)
