import type { ReactNode } from 'react'
import type { VolumePreview } from '@/domain/volume/preview'
import { toFailure } from '@/components/client/errors'

/** What a dialog says of a verb, as the server computed it; while it has not yet, or could not, the verb cannot be used. */
export function previewOf({ data, error }: { data: VolumePreview | undefined; error: unknown }): { consequences: ReactNode[]; disabledReason: string | undefined } {
  if (error) return { consequences: ['What follows from it could not be found out.'], disabledReason: toFailure(error).message }
  if (!data) return { consequences: ['What follows from it is being found out…'], disabledReason: 'The server has not said yet what follows from it.' }
  return { consequences: [...(data.problem === null ? [] : [<span key="problem" className="text-error-content">{data.problem}</span>]), ...data.consequences.map(({ text, danger }) => (danger ? <strong key={text} className="font-medium text-content">{text}</strong> : text))], disabledReason: data.problem ?? undefined }
}
