import type { PodReport } from '@/contracts/host/v1'
import type { VolumeReport } from '@/contracts/host/v1/volumes'

/** What one report may hold, well below what the server's socket takes. Bytes of JSON; the last thing taken may go beyond it. */
export const reportBytes = 4 << 20

export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

type Container = PodReport['containers'][number]
const briefMessage = 256

const brief = (text: string): string => (text.length > briefMessage ? `${text.slice(0, briefMessage - 1)}…` : text)

const briefContainer = (status: Container): Container => {
  const lastEnd = status.lastEnd && { ...status.lastEnd, message: brief(status.lastEnd.message), lastLines: [], terminationMessage: '' }
  return { ...status, message: brief(status.message), lastLines: [], terminationMessage: '', lastEnd }
}

/** A pod's report without what its containers said, and with its messages cut. */
export const briefReport = (pod: PodReport): PodReport => ({
  ...pod,
  message: brief(pod.message),
  conditions: pod.conditions.map((one) => ({ ...one, message: brief(one.message) })),
  containers: pod.containers.map(briefContainer),
})

/** What a volume's report says of who may have it open, without words. */
export const briefVolume = ({ kind, uid, epoch, phase, reason, attachments }: VolumeReport): VolumeReport => ({
  ...{ kind, uid, epoch, phase, reason, message: '' },
  ...(attachments && { attachments: attachments.map((one) => ({ ...one, message: '' })) }),
})

/** A pod's report that fits by itself: where its containers said too much, the last of them are told in brief. */
export function fittingReport(pod: PodReport, bytes = reportBytes): PodReport {
  if (jsonBytes(pod) <= bytes) return pod
  let left = bytes - jsonBytes({ ...pod, containers: [] })
  const containers = pod.containers.map((status) => {
    const size = jsonBytes(status)
    const told = size <= left ? status : briefContainer(status)
    left -= told === status ? size : jsonBytes(told)
    return told
  })
  return { ...pod, containers }
}
