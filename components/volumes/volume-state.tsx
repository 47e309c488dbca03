import type { AttachmentView, VolumeView } from '@/domain/volume/view'
import { Since } from '@/components/patterns/time'
import { StateBadge } from '@/components/ui/state-badge'
import { attachmentLooks, looks } from './words'

/** A volume's phase; of what is under way how far it is, or for how long. */
export function VolumeState({ volume: { status } }: { volume: Pick<VolumeView, 'status'> }) {
  const { shape, word } = looks[status.phase]
  const since = status.attachments.find(({ phase }) => phase === 'Attaching' || phase === 'Detaching')?.since
  const far = status.progress !== null ? `${Math.round(status.progress * 100)} %` : shape === 'changing' && since ? <Since time={since} /> : undefined
  return <StateBadge shape={shape} since={far}>{word}</StateBadge>
}

export function AttachmentState({ attachment: { phase, paused, since } }: { attachment: Pick<AttachmentView, 'phase' | 'paused' | 'since'> }) {
  if (paused) return <StateBadge shape="failed">Stands still</StateBadge>
  const { shape, word } = attachmentLooks[phase]
  return <StateBadge shape={shape} since={shape === 'changing' ? <Since time={since} /> : undefined}>{word}</StateBadge>
}
