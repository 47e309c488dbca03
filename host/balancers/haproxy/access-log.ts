import { z } from 'zod'
import { balancerLogLine, type BalancerLogLine } from '@/domain/load-balancer/view'
import { backendOf, placeOfName } from './servers'

export const ringName = 'access'
/** Bytes. The ring is one balancer's log: some thousand lines. */
export const ring = { bytes: 512 << 10, lineBytes: 4096 } as const

/** Of a port with more requests a second than this, one of so many that succeed is logged, and each that fails: a line takes a tenth of what a request does, and the ring would reach back for less than a second. */
export const busy = { requestsPerSecond: 100, oneOf: 20 } as const

/** What the log keeps of a request until its end: of the name of its host so many bytes. HAProxy keeps the method and path itself. */
export const logCaptures = ['capture request header Host len 300'] as const

const json = (...words: string[]) => `"%[${[...words, 'json(utf8s)'].join(',')}]"`
/**
 * A line is a JSON array. What a client sent stands in it through HAProxy's `json` alone, which leaves no quote, backslash or control character as it was, and cut to a
 * length, so that no line is cut. All else is HAProxy's own: numbers, and names of ours. What is to be done for a line is done here, where one of so many is written, not with each request.
 */
export const logFormat = {
  http: `[%[date(0,ms)],"%ci",%fp,${json('var(txn.part)')},"%b","%s",${json('capture.req.method', 'bytes(0,32)')},${json('capture.req.hdr(0)', 'host_only', 'lower', 'rtrim(.)', 'bytes(0,255)')},${json('capture.req.uri', 'field(1,?)', 'bytes(0,600)')},%ST,%U,%B,%Ta,"%ts"]`,
  tcp: '[%[date(0,ms)],"%ci",%fp,"-","%b","%s","-","-","-",0,%U,%B,%Tt,"%ts"]',
} as const

/** HAProxy writes a minus for what is not there. */
const text = (most: number) => z.string().transform((value) => (value === '-' || value === '' ? null : value.slice(0, most)))
const count = z.number().transform((value) => Math.max(0, Math.round(value)))
const rawLine = z.tuple([z.number().int().min(0).max(8.64e15), z.string().max(64), z.number(), text(80), text(80), text(80), text(32), text(255), text(512), z.number(), count, count, count, z.string().max(16)])

/** A line of the ring; null for what is none of ours, such as HAProxy's word of a failed TLS handshake. */
export function parseLogLine(line: string): BalancerLogLine | null {
  if (!line.startsWith('[')) return null
  const parsed = rawLine.safeParse(parseJson(line))
  if (!parsed.success) return null
  const [time, client, listener, part, section, server, method, host, path, status, bytesIn, bytesOut, milliseconds, termination] = parsed.data
  const known = balancerLogLine.safeParse({
    ...{ time: new Date(time).toISOString(), client, listener, rule: part?.startsWith('rule/') ? part.slice('rule/'.length) : null, backend: section && backendOf(section), server: server && placeOfName(server), method, host, path },
    ...{ status: status >= 100 && status <= 599 ? status : null, bytesIn, bytesOut, milliseconds, termination },
  })
  return known.success ? known.data : null
}

function parseJson(line: string): unknown {
  try {
    return z.unknown().parse(JSON.parse(line))
  } catch {
    return null
  }
}
