import { z } from 'zod'
import { parseBytes } from '../shared/quantity'
import { isSubnet } from '../shared/ip'
import { dnsLabel, dnsSubdomain, type Labels } from '../shared/names'
import { nearest } from '../shared/nearest'
import { cookieName, ruleHost, rulePathValue } from './model'

/** What a balancer does beyond what a Service or an Ingress can say of itself: annotations of this prefix on either. */
export const balancerPrefix = 'balancer.hypernetes.io/'

/** A text of a list is bounded before it is taken apart. */
const list = (item: z.ZodType<string, string>, most: number) => z.string().max(16 << 10, 'must be at most 16 KiB').regex(/^[ -~]*$/, 'must be printable ASCII in one line').transform((text) => text.split(',').map((part) => part.trim()).filter(Boolean)).pipe(z.array(item).min(1, 'must name one').max(most, `must be at most ${most}`).refine((all) => new Set(all).size === all.length, 'must name each once'))
const flag = z.enum(['true', 'false'], { error: 'must be "true" or "false"' }).transform((text) => text === 'true')
const whole = (least: number, most: number) => z.string().regex(/^\d{1,9}$/, 'must be a whole number').transform(Number).pipe(z.number().min(least, `must be ${least} to ${most}`).max(most, `must be ${least} to ${most}`))
/** `500ms`, `30s`, `5m` or `1h`, in seconds. */
const duration = (most: number, least = 0.1) =>
  z.string().regex(/^\d{1,7}(ms|s|m|h)$/, 'must be a time such as 500ms, 30s, 5m or 1h')
    .transform((text) => Number.parseInt(text, 10) * ({ ms: 0.001, s: 1, m: 60, h: 3600 }[text.replace(/^\d+/, '')] ?? 1))
    .pipe(z.number().min(least, 'must be at least 100ms').max(most, `must be at most ${most}s`))

/** Those of a Service and of an Ingress alike. */
const common = {
  /** The FloatingAddress by which it is reached; without it one is taken from the default pool. */
  'floating-address': dnsLabel,
  'connect-timeout': duration(60),
  'client-timeout': duration(86_400),
  'server-timeout': duration(86_400),
  'request-timeout': duration(300),
  'tunnel-timeout': duration(86_400),
  'drain-timeout': duration(3600, 0),
  'max-connections': whole(1, 100_000),
  'rate-limit': whole(1, 1_000_000),
  allow: list(z.string().refine(isSubnet, 'must be subnets such as 192.0.2.0/24, with a comma between'), 256),
  'accept-proxy-protocol': flag,
  'send-proxy-protocol': flag,
  algorithm: z.enum(['roundrobin', 'leastconn', 'source'], { error: 'must be roundrobin, leastconn or source' }),
  'sticky-cookie': cookieName,
  'max-body': z.string().max(32, 'must be at most 32 characters').refine((text) => parseBytes(text) !== null, 'must be a quantity of bytes such as 10Mi').transform((text) => parseBytes(text) ?? 0).pipe(z.number().max(2 ** 40, 'must be at most 1Ti')),
  'redirect-to-https': flag,
  'backend-protocol': z.enum(['http', 'h2c', 'grpc'], { error: 'must be http, h2c or grpc' }),
  /** `off`, or of how many requests one is logged. */
  'access-log': z.union([z.literal('off'), whole(1, 100_000)], { error: 'must be off, or of how many requests one is logged: 1 to 100000' }),
}
const ofService = {
  ...common,
  /** What its TCP ports speak with clients. Without it: tcp, whatever is in it. */
  protocol: z.enum(['tcp', 'http', 'https'], { error: 'must be tcp, http or https' }),
  /** Secrets of type kubernetes.io/tls in its namespace. */
  certificates: list(dnsSubdomain, 50),
  hosts: list(ruleHost, 50),
  paths: list(rulePathValue, 50),
}

export const serviceBalancerAnnotations = z.strictObject(ofService).partial()
export const ingressBalancerAnnotations = z.strictObject(common).partial()
export type ServiceBalancerAnnotations = z.infer<typeof serviceBalancerAnnotations>
export type IngressBalancerAnnotations = z.infer<typeof ingressBalancerAnnotations>

/** On a Pod: how much of a backend's connections it gets beside the others, 0 to 256; 0 gets nothing new. Without it 1. */
export const weightAnnotation = `${balancerPrefix}weight`

/** What a pod asks for; null where it asks for nothing, or for what is none. */
export const parseWeight = (text: string | undefined): number | null => (text !== undefined && /^\d{1,3}$/.test(text) && Number(text) <= 256 ? Number(text) : null)

/** What is wrong with a pod's annotations of our prefix. */
export const podBalancerProblems = (annotations: Labels): { annotation: string; message: string }[] =>
  Object.entries(annotations).filter(([key]) => key.startsWith(balancerPrefix)).flatMap(([key, value]) =>
    key !== weightAnnotation ? [{ annotation: key, message: `is not known of a pod: ${weightAnnotation} is; others are written on its Service or Ingress` }] : parseWeight(value) === null ? [{ annotation: key, message: 'must be a whole number from 0 to 256, as in "2"' }] : [])

/** The annotations of our prefix without it. */
export const balancerAnnotationsOf = (annotations: Labels): Record<string, string> => Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith(balancerPrefix)).map(([key, value]) => [key.slice(balancerPrefix.length), value]))

/** Where an annotation stands, as problems name it. */
export const annotationPath = (name: string): string => `metadata.annotations["${balancerPrefix}${name}"]`
/** The FloatingAddress that an object names; null: one from the default pool. */
export const floatingAddressOf = (annotations: Labels): string | null => annotations[`${balancerPrefix}floating-address`] ?? null

/** `path` as in `metadata.annotations["balancer.hypernetes.io/protocol"]`; no message holds what a tenant wrote but what was found to be a name. */
export type BalancerProblem = { path: string; message: string }

/** Reads the annotations of our prefix; every one that is wrong, or that nobody knows, is a problem. */
export function readServiceAnnotations(annotations: Labels): { values: ServiceBalancerAnnotations; problems: BalancerProblem[] } {
  const read = serviceBalancerAnnotations.safeParse(balancerAnnotationsOf(annotations))
  return read.success ? { values: read.data, problems: [] } : { values: {}, problems: problemsOf(read.error.issues, Object.keys(ofService)) }
}
export function readIngressAnnotations(annotations: Labels): { values: IngressBalancerAnnotations; problems: BalancerProblem[] } {
  const read = ingressBalancerAnnotations.safeParse(balancerAnnotationsOf(annotations))
  return read.success ? { values: read.data, problems: [] } : { values: {}, problems: problemsOf(read.error.issues, Object.keys(common)) }
}

function problemsOf(issues: readonly z.core.$ZodIssue[], known: readonly string[]): BalancerProblem[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: annotationPath(key), message: unknownAnnotation(key, known) }))
    const [name = '', entry] = issue.path
    return [{ path: annotationPath(String(name)), message: typeof entry === 'number' ? `its entry ${entry + 1} ${issue.message}` : issue.message }]
  })
}

function unknownAnnotation(key: string, known: readonly string[]): string {
  if (key === 'weight') return 'is for Pods alone: write it on the pods that the balancer leads to'
  if (Object.hasOwn(ofService, key)) return 'is for Services alone: an Ingress says it in its spec'
  const near = nearest(key, known)
  return near ? `is not known: ${balancerPrefix}${near} is` : `is not known: there are ${known.join(', ')}`
}
