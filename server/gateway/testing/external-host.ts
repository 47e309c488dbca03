import { externalObjectKey, type CertificatesMessage, type ExternalObject, type HostBalancer } from '@/contracts/host/v1/external'
import type { startTestServer } from '@/server/api/testing/server'
import type { HostSessions } from '../host-sessions'
import { connectHost } from './connected-host'

/** A host that takes what it is told of the outside, says that it runs, and answers removals, unless it is told to keep silent. */
export async function connectExternalHost(server: Awaited<ReturnType<typeof startTestServer>>, sessions: HostSessions, name: string, { held = [] as readonly ExternalObject[] } = {}) {
  const host = await connectHost(server, sessions, name)
  const has = new Map<string, ExternalObject>(held.map((object) => [externalObjectKey(object), object]))
  const certificates = new Map<string, CertificatesMessage['certificates'][number]>()
  const unanswered = new Set<string>()
  const seen: string[] = []
  const removed: string[] = []
  /** What each balancer answers for: what it lost is among it until it says that it let go. */
  const holds = new Map<string, readonly string[]>()
  for (const object of held) if (object.kind === 'balancer') holds.set(externalObjectKey(object), object.addresses)
  let answers = true
  let lastSize = 0
  let taken = 0
  const isAnswering = (key: string) => key.startsWith('floatingAddress/') || key.startsWith('balancer/')
  const report = (key: string, phase: 'Active' | 'Gone') => {
    const [kind, uid = ''] = key.split('/')
    const addresses = phase === 'Gone' ? undefined : holds.get(key)
    return { kind: kind === 'balancer' ? ('balancer' as const) : ('floatingAddress' as const), uid, phase, reason: '', message: '', ...(addresses && { addresses: [...addresses], taken }) }
  }
  /** The balancers that hold more than they shall, which they let go of. */
  const letGo = (): string[] => [...has].flatMap(([key, object]) => {
    if (object.kind !== 'balancer' || holds.get(key)?.length === object.addresses.length) return []
    holds.set(key, object.addresses)
    return [key]
  })
  // As an agent, it says the next thing once the last one is heard: what is on the way at once may be heard in another order.
  let said: Promise<unknown> = Promise.resolve()
  const say: typeof host.reportExternal = (...report) => {
    const next = said.then(() => host.reportExternal(...report))
    said = next.catch(() => {})
    return next
  }
  const answer = async () => {
    const keys = [...unanswered]
    unanswered.clear()
    await say([...keys.map((key) => report(key, 'Gone')), ...letGo().map((key) => report(key, 'Active'))])
  }
  const run = async () => {
    for (;;) {
      const message = await host.next()
      if (message.kind === 'certificates') {
        if (message.complete) certificates.clear()
        for (const one of message.certificates) certificates.set(one.id, one)
        seen.push('certificates')
      }
      if (message.kind === 'desired') seen.push('desired')
      if (message.kind !== 'externalObjects') continue
      seen.push(message.complete ? 'complete' : 'changes')
      lastSize = message.set.length + message.remove.length
      taken += 1
      const remove = message.complete ? [...has.keys()].filter((key) => !message.set.some((object) => externalObjectKey(object) === key)) : message.remove
      for (const key of remove) {
        has.delete(key)
        holds.delete(key)
        removed.push(key)
        if (isAnswering(key)) unanswered.add(key)
      }
      for (const object of message.set) {
        has.set(externalObjectKey(object), object)
        if (object.kind === 'balancer') holds.set(externalObjectKey(object), [...new Set([...holds.get(externalObjectKey(object)) ?? [], ...object.addresses])])
      }
      if (answers) letGo()
      const active = message.set.map(externalObjectKey).filter(isAnswering)
      if (active.length > 0) await say(active.map((key) => report(key, 'Active')))
      if (answers && unanswered.size > 0) await answer()
    }
  }
  // It ends with its connection; what goes wrong before is told by the test's end.
  let failure: unknown = null
  void run().catch((error: unknown) => (failure = error))
  return {
    ...host, reportExternal: say, has, failure: () => failure, certificates, seen, removed, answer,
    /** Its first report: from then on it is told of the outside. */
    begin: () => say([...has.keys()].filter(isAnswering).map((key) => report(key, 'Active')), true),
    /** As an agent: it says what it took where nothing of it is without an end. */
    heartbeat: () => host.heartbeat([...has.values()].some((object) => (object.kind === 'balancer' || object.kind === 'floatingAddress') && typeof object.until !== 'number') ? undefined : taken),
    heartbeatOf: host.heartbeat,
    /** How many messages of the outside it has taken. */
    taken: () => taken,
    holdAnswers: () => (answers = false),
    answersAgain: async () => {
      answers = true
      await answer()
    },
    /** How many objects the last message was about. */
    lastSize: () => lastSize,
    balancers: () => [...has.values()].filter((object): object is HostBalancer => object.kind === 'balancer'),
    /** All addresses for which it answers now. */
    addresses: () => [...has.values()].flatMap((object) => (object.kind === 'balancer' ? object.addresses : object.kind === 'floatingAddress' ? [object.address] : [])).sort(),
    servers: (backend: string) => [...has.values()].flatMap((object) => (object.kind === 'backendServers' && object.backend === backend ? object.servers : [])),
  }
}
