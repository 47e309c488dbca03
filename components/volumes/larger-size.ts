import { z } from 'zod'
import { sizeBytesOf, volumeSize } from '@/domain/volume/limits'
import { formatBytes } from '@/components/client/formats'
import { sizeText } from './volume-draft'

/** A size that is larger than now. */
export const largerThan = (nowBytes: number) => z.custom<{ size: string }>().superRefine(({ size }, context) => {
  const text = sizeText(size)
  const wrong = volumeSize.safeParse(text).error?.issues[0]?.message ?? (sizeBytesOf(text) <= nowBytes ? `must be more than ${formatBytes(nowBytes)}: a volume cannot shrink, for its file system would lose what is beyond` : undefined)
  if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['size'], message: wrong })
})
