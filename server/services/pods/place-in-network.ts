import { formatPath } from '@/domain/manifest/source'
import type { PodSpec } from '@/domain/pod/spec'
import { DomainError, type Problem } from '@/domain/shared/errors'
import { allocateAddresses } from '@/server/store/addresses'
import type { Transaction } from '@/server/store/database'
import { placeProblems, type PodNetwork } from '@/server/store/pod-places'

/** Refuses a place in its network that a pod cannot have. */
export async function checkPlace(tx: Transaction, network: PodNetwork, spec: PodSpec): Promise<void> {
  refuse(await placeProblems(tx, network, spec.network))
}

/**
 * Refuses a place that a new pod cannot have, and gives it the addresses that it asks for at once: two pods that ask for one are told
 * apart here, and not when they start.
 */
export async function placeInNetwork(tx: Transaction, network: PodNetwork, pod: { uid: string; spec: PodSpec }): Promise<void> {
  await checkPlace(tx, network, pod.spec)
  if (!pod.spec.network?.addresses.length) return
  const given = await allocateAddresses(tx, network.uid, pod)
  if ('refusal' in given) refuse([{ path: formatPath(['spec', ...given.refusal.path]), line: null, message: given.refusal.message }])
}

function refuse(problems: Problem[]): void {
  if (problems.length > 0) throw new DomainError('failed_precondition', problems.map(({ path, message }) => `${path}: ${message}`).join('\n'), { problems })
}
