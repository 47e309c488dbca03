import { z } from 'zod'
import { balancerPrefix } from '@/domain/load-balancer/annotations'
import { balancerView, type BalancerView } from '@/domain/load-balancer/view'
import { podName } from '@/domain/pod/manifest'
import { serviceName, serviceSpec, wantsOutside } from '@/domain/service/spec'
import { DomainError, notFound } from '@/domain/shared/errors'
import { dnsLabel, type Labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { findsOtherPod } from '@/server/store/balancer-views'
import { inTransaction, type Transaction } from '@/server/store/database'
import { findPod, updatePodMetadata, type PodRow } from '@/server/store/pods'
import { recordAudit } from '@/server/store/records'
import { findService, type ServiceRow } from '@/server/store/services'
import type { ServerContext } from '../context'
import { once } from '../idempotency'
import { holdTenant, requestId } from '../networks/object-lists'
import { toMetadata } from '../object-metadata'
import { applyService } from '../services/write-services'
import { askedFor } from './read-balancers'

/** `port`: on which the pod's container listens. `service`: what the Service shall be called; without it after the pod and the port. `outside`: at which port it answers, by default 80 for http and the same otherwise. */
export const exposePodInput = z.object({
  namespace: dnsLabel.default('default'), name: podName,
  port: z.number().int().min(1).max(65535),
  protocol: z.enum(['http', 'tcp', 'udp'], { error: 'must be http, tcp or udp' }).default('http'),
  outside: z.number().int().min(1).max(65535).optional(),
  service: serviceName.optional(),
  requestId,
})
type Input = z.output<typeof exposePodInput>

/** A label that one pod alone has, where its own labels are others' too. */
const ownLabel = `${balancerPrefix}pod`

/**
 * Gives a pod an address on the outside: a Service of type LoadBalancer that selects it alone. Asked again for the same pod and port, it answers with the
 * Service that is there.
 */
export function exposePod(ctx: ServerContext, scope: Scope, input: Input): Promise<BalancerView> {
  return inTransaction(ctx.db, (tx) => once(tx, scope, { requestId: input.requestId, procedure: 'loadBalancer.expose', input, output: balancerView }, async () => {
    await holdTenant(tx, scope)
    const { namespace } = input
    const pod = await findPod(tx, scope, namespace, input.name)
    if (!pod) throw notFound('Pod', input.name)
    if (pod.deletedAt) throw new DomainError('failed_precondition', `Pod "${input.name}" is being deleted: expose another one.`)
    const name = input.service ?? serviceNameFor(input.name, input.port)
    const existing = await findService(tx, scope, namespace, name)
    if (!existing) await createFor(tx, scope, pod, name, input)
    else if (!isSame(existing, pod, input)) throw new DomainError('already_exists', `A service "${name}" exists in namespace "${namespace}" and leads elsewhere: choose another name.`, { problems: [{ path: 'service', line: null, message: 'is taken by a service that leads elsewhere' }] })
    else if (existing.heldBack) await release(tx, scope, existing)
    const view = await askedFor(tx, scope, { source: 'Service', namespace, name })
    if (!view) throw notFound('Service', name)
    return view
  }), { repeatable: true })
}

/** As it is: what was stored before services were reached from outside is reached once somebody asks for it. */
async function release(tx: Transaction, scope: Scope, row: ServiceRow): Promise<void> {
  const { labels, annotations } = toMetadata(row)
  await applyService(tx, scope, { kind: 'Service', metadata: { namespace: row.namespace, name: row.name, labels, annotations }, spec: serviceSpec.parse(row.spec) })
}

/** `web-8080` for pod `web`: a name in the network's DNS, so it has no dots and begins with a letter. */
function serviceNameFor(pod: string, port: number): string {
  const text = pod.replaceAll('.', '-')
  return `${/^[a-z]/.test(text) ? text : `pod-${text}`}`.slice(0, 62 - String(port).length).replace(/-+$/, '') + `-${port}`
}

const transportOf = (protocol: Input['protocol']): 'TCP' | 'UDP' => (protocol === 'udp' ? 'UDP' : 'TCP')

function isSame(row: ServiceRow, pod: PodRow, { port, protocol }: Input): boolean {
  const spec = serviceSpec.parse(row.spec)
  const speaksHttp = toMetadata(row).annotations[`${balancerPrefix}protocol`] === 'http'
  return wantsOutside(spec) && fits(spec.selector, toMetadata(pod).labels) && spec.ports.some((one) => one.targetPort === port && one.protocol === transportOf(protocol)) && speaksHttp === (protocol === 'http')
}

const fits = (selector: Labels, labels: Labels): boolean => Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value)

async function createFor(tx: Transaction, scope: Scope, pod: PodRow, name: string, { namespace, port, protocol, outside }: Input): Promise<void> {
  const spec = serviceSpec.parse({ type: 'LoadBalancer', selector: await selectorFor(tx, scope, pod), ports: [{ protocol: transportOf(protocol), port: outside ?? (protocol === 'http' ? 80 : port), targetPort: port }] })
  await applyService(tx, scope, { kind: 'Service', metadata: { namespace, name, labels: {}, annotations: protocol === 'http' ? { [`${balancerPrefix}protocol`]: 'http' } : {} }, spec })
}

/** The pod's labels where no other pod has them, else one that it gets. */
async function selectorFor(tx: Transaction, scope: Scope, pod: PodRow): Promise<Labels> {
  const { labels, annotations } = toMetadata(pod)
  const isAlone = async (selector: Labels) => fits(selector, labels) && !(await findsOtherPod(tx, scope, pod, selector))
  if (await isAlone(labels)) return labels
  const own = { [ownLabel]: pod.name }
  if (await isAlone(own)) return own
  if (!scope.allows('pod.create')) throw new DomainError('failed_precondition', `Other pods have the labels of pod "${pod.name}", and your role does not allow to give it one of its own: ask an admin of the tenant.`)
  await updatePodMetadata(tx, scope, pod.uid, { labels: { ...labels, ...own }, annotations })
  await recordAudit(tx, scope, { action: 'pod.update', kind: 'Pod', namespace: pod.namespace, name: pod.name })
  return own
}
