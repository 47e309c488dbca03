import { z } from 'zod'
import { assignment, desiredMessage, prePull, type Assignment, type DesiredMessage } from '@/contracts/host/v1'
import type { NetworkMessage } from '@/contracts/host/v1/networks'
import type { Logger } from '@/platform/logger'
import { WholeNetwork } from './whole-network'

type DesiredSet = Extract<DesiredMessage, { kind: 'desired' }>

const anySet = z.object({ kind: z.literal('desired'), revision: z.string().max(64), assignments: z.array(z.unknown()).max(10_000), prePulls: z.array(z.unknown()).max(1_000).optional() })
const named = z.object({ uid: z.uuid() })
/** What is said whole at first and then in changes, with removals that are answered. */
const kinds = { externalObjects: 'of the outside (externalObjects)', certificates: 'of the outside (certificates)', volumeObjects: 'of volumes' } as const
type Kind = keyof typeof kinds
const inChanges = z.object({ kind: z.enum(['externalObjects', 'certificates', 'volumeObjects']) })
const ofNetwork = z.object({ kind: z.literal('networkObjects'), networkId: z.uuid() })

/**
 * Reads what the server says, so that one thing that is not as agreed, as of another version, costs that thing alone: what was known of it
 * stays. It outlives connections, as the pods do.
 */
export class DesiredMessages {
  /** What the pods were told last. */
  private applied = new Map<string, Assignment>()
  /** The set that came last, with those of it that wait. */
  private set: DesiredSet | null = null
  /** Networks of which something could not be read: nothing begins there before all of it was. */
  private readonly unread = new Set<string>()
  private parts = new WholeNetwork()
  /** What could not be read since it was taken last: it was asked for anew then. */
  private readonly refused = new Set<Kind>()
  /** What this connection says further of these is on a base that nobody knows. */
  private readonly dropped = new Set<Kind>()

  /** `hasPod`: whether this host has a pod already. */
  constructor(
    private readonly hasPod: (uid: string) => boolean,
    private readonly log: Pick<Logger, 'error'>,
  ) {}

  /** Another connection begins: half of what the one before said is none. */
  begin(): void {
    this.parts = new WholeNetwork()
    this.dropped.clear()
  }

  /** What there is to carry out now. Throws where carrying out what is readable would end what may be meant to stay: then the server shall say all of it again. */
  read(data: unknown): DesiredMessage[] {
    const { data: message, error } = desiredMessage.safeParse(data)
    if (message?.kind === 'networkObjects') return this.network(message)
    if (message?.kind === 'externalObjects' || message?.kind === 'certificates' || message?.kind === 'volumeObjects') return this.changes(message)
    if (message) return message.kind === 'desired' ? [this.allowed(message)] : [message]
    const problem = `${error?.issues[0]?.path.join('.') ?? ''} ${error?.issues[0]?.message ?? ''}`.trim()
    const set = anySet.safeParse(data).data
    if (set) return [this.allowed(this.salvaged(set))]
    const kind = inChanges.safeParse(data).data?.kind
    if (kind !== undefined) return this.unreadChanges(kind, problem)
    const networkId = ofNetwork.safeParse(data).data?.networkId
    if (networkId !== undefined) {
      this.unread.add(networkId)
      this.parts.drop(networkId)
      this.log.error({ network: networkId, problem }, 'what the server said of a network is not as agreed: what was known of it stays, and no further pods begin there')
    } else this.log.error({ problem }, 'the server sent something else than agreed; it is left out')
    return []
  }

  private changes(message: Extract<DesiredMessage, { kind: Kind }>): DesiredMessage[] {
    if (this.dropped.has(message.kind)) return []
    if (message.kind === 'certificates' || !message.more) this.refused.delete(message.kind)
    return [message]
  }

  /** Removals in it would never be answered, and a set without a part of it would end what is in that part. Asked for anew once: what cannot be read then either costs no pod its connection. */
  private unreadChanges(kind: Kind, problem: string): DesiredMessage[] {
    if (!this.refused.has(kind)) {
      this.refused.add(kind)
      throw new Error(`the server sent something else than agreed ${kinds[kind]}: ${problem}`)
    }
    if (kind !== 'certificates') this.dropped.add(kind)
    this.log.error({ kind, problem }, `what the server says ${kinds[kind]} is not as agreed again: it stays as it was`)
    return []
  }

  private network(part: NetworkMessage): DesiredMessage[] {
    const whole = this.parts.take(part)
    if (!whole) return []
    const settles = whole.complete && this.unread.delete(whole.networkId) && this.set !== null
    return settles && this.set ? [whole, this.allowed(this.set)] : [whole]
  }

  private allowed(set: DesiredSet): DesiredSet {
    const now = new Set(set.assignments.map(({ network }) => network.id))
    // Of a network without pods here the server says all once more before the next.
    for (const id of this.unread) if (!now.has(id)) this.unread.delete(id)
    const assignments = set.assignments.filter(({ uid, network, deletion }) => !this.unread.has(network.id) || deletion !== null || this.applied.has(uid) || this.hasPod(uid))
    this.set = set
    this.applied = new Map(assignments.map((one) => [one.uid, one]))
    return { ...set, assignments }
  }

  /** The set says what shall not be there, too: a pod that cannot be read stays as it was told of before, and one that is not here does not begin. */
  private salvaged({ assignments, prePulls, ...rest }: z.output<typeof anySet>): DesiredSet {
    const read = assignments.flatMap((one) => {
      const { data, error } = assignment.safeParse(one)
      if (data) return [data]
      const problem = `${error.issues[0]?.path.join('.') ?? ''} ${error.issues[0]?.message ?? ''}`
      const uid = named.safeParse(one).data?.uid
      const before = uid === undefined ? undefined : this.applied.get(uid)
      if (uid === undefined || (!before && this.hasPod(uid))) throw new Error(`the server sent something else than agreed of a pod: ${problem}`)
      this.log.error({ pod: uid, problem }, before ? 'what the server says of a pod is not as agreed: it stays as it was' : 'what the server says of a pod is not as agreed: it does not begin')
      return before ?? []
    })
    return { ...rest, assignments: read, ...(prePulls ? { prePulls: prePulls.flatMap((one) => prePull.safeParse(one).data ?? []) } : {}) }
  }
}
