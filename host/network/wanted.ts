import { checkAttachment, refuseClash, type Attachment, type NetworkSpec, type UidRange } from './attachment'

/** What a network should have on this host. */
export type Wanted = { spec: NetworkSpec; pods: Map<string, Attachment> }

/** A network that is not as it should be, by its number. */
export type Failure = { number: number; error: unknown }

/** What each network should have; one of which attachments cannot be, alone or together, is a failure. */
export function groupByNetwork(attachments: readonly Attachment[], uids: UidRange): { wanted: Map<number, Wanted>; failures: Failure[] } {
  const wanted = new Map<number, Wanted>()
  const failures = new Map<number, Failure>()
  const placed = new Set<string>()
  for (const attachment of attachments) {
    const { number } = attachment.network
    try {
      checkAttachment(attachment, uids)
      if (placed.has(attachment.pod.uid)) throw new Error(`pod ${attachment.pod.uid} is attached twice`)
      placed.add(attachment.pod.uid)
      wanted.set(number, withAttachment(wanted.get(number), attachment))
    } catch (error) {
      if (!failures.has(number)) failures.set(number, { number, error })
    }
  }
  for (const number of failures.keys()) wanted.delete(number)
  return { wanted, failures: [...failures.values()] }
}

function withAttachment(network: Wanted | undefined, attachment: Attachment): Wanted {
  const { network: spec, pod } = attachment
  if (!network) return { spec, pods: new Map([[pod.uid, attachment]]) }
  if (network.spec.id !== spec.id) throw new Error(`network number ${spec.number} is held by network ${network.spec.id}, not ${spec.id}`)
  refuseClash(spec.number, [...network.pods.values()].map((one) => one.pod), pod)
  // Written down at different times. What the server says of the network decides; where it says nothing, nothing leaves.
  const outbound = network.spec.outbound === spec.outbound ? spec.outbound : 'none'
  return { spec: { ...network.spec, outbound }, pods: new Map([...network.pods, [pod.uid, attachment]]) }
}
