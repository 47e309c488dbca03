import { z } from 'zod'
import { absolutePath, relativePath } from '../pod/fields'
import { dnsLabel } from '../shared/names'

/**
 * A pod's right to a volume. `Waiting`: a wish; another writer has the volume, or its host was not told yet. `Attaching`: its host may open the image, under the attachment's
 * epoch. `Attached`: its host said so. `Detaching`: its host shall let go. `Lost`: its host is silent, and may have it open.
 */
export const attachmentPhase = z.enum(['Waiting', 'Attaching', 'Attached', 'Detaching', 'Lost'])
export type AttachmentPhase = z.infer<typeof attachmentPhase>

/** What may follow a phase; `Gone`: the row goes. */
const followers: Readonly<Record<AttachmentPhase, readonly (AttachmentPhase | 'Gone')[]>> = {
  Waiting: ['Attaching', 'Gone'],
  Attaching: ['Attached', 'Detaching', 'Lost'],
  Attached: ['Detaching', 'Lost'],
  Detaching: ['Lost', 'Gone'],
  // Its host is back and has it still, under the same epoch; or shall let go of it; or was shut out.
  Lost: ['Attaching', 'Attached', 'Detaching', 'Gone'],
}

/** Whether an attachment may come from one phase into another. From Attaching on a host may have the image open: only Detaching and Lost end there. */
export const mayFollow = (from: AttachmentPhase, to: AttachmentPhase | 'Gone'): boolean => from === to || followers[from].includes(to)

/** Whether a host may have the image open for it. */
export const mayBeOpen = (phase: AttachmentPhase): boolean => phase !== 'Waiting'

/** Where a volume that comes while its pod runs is mounted. What is stored and sent of one of mode Block is written so, too: `mountPath` is then the path of its device. */
export const hotMount = z.strictObject({ container: dnsLabel, mountPath: absolutePath, subPath: relativePath.optional(), readOnly: z.boolean({ error: 'must be true or false' }).default(false) })
export const hotMounts = z.array(hotMount).max(100)
export type HotMount = z.infer<typeof hotMount>

/** Where a volume of mode Block that comes while its pod runs is a device. */
export const hotDevice = z.strictObject({ container: dnsLabel, devicePath: absolutePath })
export const hotDevices = z.array(hotDevice).max(100)
export type HotDevice = z.infer<typeof hotDevice>

export const mountOfDevice = ({ container, devicePath }: HotDevice): HotMount => ({ container, mountPath: devicePath, readOnly: false })
export const deviceOfMount = ({ container, mountPath }: HotMount): HotDevice => ({ container, devicePath: mountPath })
