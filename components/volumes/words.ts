import type { AttachmentPhase } from '@/domain/volume/attachment'
import { ratesOf, type EffectiveLimits, type VolumeLimits } from '@/domain/volume/limits'
import type { VolumeSource, VolumeSpec } from '@/domain/volume/spec'
import type { VolumePhase } from '@/domain/volume/state'
import type { VolumeView } from '@/domain/volume/view'
import { formatBytes, formatCount } from '@/components/client/formats'
import type { StateShape } from '@/components/ui/state-badge'

export const looks: Readonly<Record<VolumePhase, { shape: StateShape; word: string }>> = {
  Pending: { shape: 'stopped', word: 'Not made yet' },
  Creating: { shape: 'changing', word: 'Creating' },
  Available: { shape: 'stopped', word: 'Available' },
  Attaching: { shape: 'changing', word: 'Attaching' },
  InUse: { shape: 'running', word: 'In use' },
  Detaching: { shape: 'changing', word: 'Detaching' },
  Growing: { shape: 'changing', word: 'Growing' },
  Reverting: { shape: 'changing', word: 'Reverting' },
  Full: { shape: 'failed', word: 'Full' },
  Lost: { shape: 'unknown', word: 'Lost' },
  Deleted: { shape: 'stopped', word: 'Deleted' },
  Failed: { shape: 'failed', word: 'Failed' },
}

export const attachmentLooks: Readonly<Record<AttachmentPhase, { shape: StateShape; word: string }>> = {
  Waiting: { shape: 'unknown', word: 'Waiting' },
  Attaching: { shape: 'changing', word: 'Attaching' },
  Attached: { shape: 'running', word: 'Attached' },
  Detaching: { shape: 'changing', word: 'Detaching' },
  Lost: { shape: 'unknown', word: 'Lost' },
}

type Status = Pick<VolumeView['status'], 'phase' | 'conditions' | 'attachments' | 'host' | 'homeHost' | 'storedBytes' | 'formatted'>

/** Whether it was there once: what failed then was not its making. */
export const wasMade = ({ storedBytes, formatted }: Pick<Status, 'storedBytes' | 'formatted'>): boolean => storedBytes !== null || formatted !== null

/** What is only under way, by the reason of its condition: nobody has to do anything about it. */
const underWay: Readonly<Record<string, string>> = { Creating: 'It is not made yet', SourcePending: 'It is not made yet', Reverting: 'It goes back to a snapshot' }

/** What is wrong between a volume and a pod, by how far that is. */
const heldTitles: Readonly<Record<AttachmentPhase, (pod: string) => string>> = {
  Waiting: (pod) => `${pod} does not have it yet`,
  Attaching: (pod) => `${pod} does not have it yet`,
  Attached: (pod) => `${pod} has it, and something is wrong`,
  Detaching: (pod) => `${pod} has not let go of it`,
  Lost: (pod) => `${pod} may have it still`,
}

/** What a volume waits for, or what is wrong with it and what to do about it; null: nothing is. Conditions say more where there are some. `held`: what a pod does not let go of, and is taken only by force. */
export function problemOf({ phase, conditions, attachments, ...facts }: Status): { tone: 'error' | 'notice' | 'info'; title: string; message: string; held?: VolumeView['status']['attachments'][number] } | null {
  const wrong = conditions.filter(({ status, message }) => status !== 'True' && message !== '')
  const condition = wrong.find(({ type }) => type !== 'FilesystemRoom')
  const said = condition?.message
  if (phase === 'Full') return { tone: 'error', title: 'Its store is full: the pod stands still', message: said ?? 'Nothing is lost. The pod goes on by itself once its store has room again: delete volumes or snapshots of the store that are not needed, or ask an operator for more room.' }
  if (phase === 'Lost') return { tone: 'error', title: 'Its host does not answer', message: (condition?.reason === 'HostLost' ? said : undefined) ?? 'Nothing else may open it, for the host may write to it still. It comes back with its host; where that is lost for good, an operator has to say so.' }
  if (phase === 'Failed' && wasMade(facts)) return { tone: 'error', title: 'It is damaged, or not in its store any more', message: said ?? 'Do not delete it yet: tell an operator its uid, who may have its data back. New volumes can be made of its snapshots.' }
  if (phase === 'Failed') return { tone: 'error', title: 'It could not be made', message: said ?? 'Delete it and make it again; where that fails too, tell an operator the volume’s uid.' }
  const waiting = attachments.find(({ message }) => message !== '')
  if (waiting) return { tone: waiting.phase === 'Waiting' ? 'notice' : 'error', title: waiting.pod ? heldTitles[waiting.phase](`Pod ${waiting.pod.name}`) : 'It is held for a pod that is gone', message: waiting.message, ...(waiting.phase === 'Detaching' && { held: waiting }) }
  if (phase === 'Deleted') return null
  if (!condition) return wrong[0] ? { tone: 'notice', title: 'Its file system is nearly full', message: wrong[0].message } : null
  const title = underWay[condition.reason]
  return title ? { tone: 'info', title, message: condition.message } : { tone: 'notice', title: phase === 'Pending' ? 'It cannot be made now' : 'Something of it is not as it should be', message: condition.message }
}

/** An upload in a line: `qcow2, 3 GiB, a disk of 40 GiB`. */
export const uploadText = ({ format, bytes, virtualBytes }: { format: 'raw' | 'qcow2'; bytes: number; virtualBytes: number }): string => `${format}, ${formatBytes(bytes)}${bytes === virtualBytes ? '' : `, a disk of ${formatBytes(virtualBytes)}`}`

/** What a volume was made of. */
export function sourceText(source: VolumeSource): string {
  switch (source.kind) {
    case 'Blank': return 'Nothing: it began empty'
    case 'Snapshot': return `Snapshot ${source.name}`
    case 'Volume': return `Volume ${source.name}, as it was then`
    case 'Image': return `Files of ${source.reference}`
    case 'Upload': return 'An upload'
  }
}

export const accessText = (mode: VolumeSpec['accessMode']): string => (mode === 'ReadWriteOnce' ? 'One pod writes' : 'Any number of pods read')
export const onFullText = (onFull: 'Pause' | 'Fail'): string => (onFull === 'Pause' ? 'The pod stands still until there is room' : 'Writes end with “No space left on device”')

/** Limits a line each: `500 operations a second, 2,000 for 60 s`. */
export function limitLines(limits: VolumeLimits): string[] {
  const { iops, iopsBurst, bytesPerSecond, bytesPerSecondBurst, burstSeconds } = ratesOf(limits)
  const line = (usual: number | null, burst: number | null, text: (value: number) => string) => (usual === null ? [] : [`${text(usual)}${burst === null ? '' : `, ${text(burst)} for ${burstSeconds} s`}`])
  return [...line(iops, iopsBurst, (value) => `${formatCount(value, 'operation')} a second`), ...line(bytesPerSecond, bytesPerSecondBurst, (value) => `${formatBytes(value)} a second`)]
}

/** The limits that hold, a field a line. `note`: of one that is the class's, and what the volume's own is where that is set and counts for nothing. */
export function heldLines(held: EffectiveLimits, limits: VolumeLimits): { text: string; note: string | null }[] {
  const own = ratesOf(limits)
  const operations = (value: number) => `${formatCount(value, 'operation')} a second`
  const bytes = (value: number) => `${formatBytes(value)} a second`
  const line = (name: 'iops' | 'iopsBurst' | 'bytesPerSecond' | 'bytesPerSecondBurst', words: (value: number) => string) => {
    const [value, mine, isClass] = [held[name], own[name], held.ofClass.includes(name)]
    if (value === null && (!isClass || mine === null)) return []
    return [{ text: value === null ? 'No burst' : words(value), note: !isClass ? null : mine === null ? 'of its class' : `of its class; its own is ${words(mine)}` }]
  }
  const burst = (words: (value: number) => string) => (value: number) => `${words(value)} in a burst`
  const seconds = held.burstSeconds === null ? [] : [{ text: `A burst lasts ${held.burstSeconds} s`, note: held.ofClass.includes('burstSeconds') ? 'of its class' : null }]
  return [...line('iops', operations), ...line('iopsBurst', burst(operations)), ...line('bytesPerSecond', bytes), ...line('bytesPerSecondBurst', burst(bytes)), ...seconds]
}

/** Whether a pod has the volume, may have it open, or waits for it. */
export const isUsed = ({ attachments }: Pick<VolumeView['status'], 'attachments'>): boolean => attachments.length > 0
