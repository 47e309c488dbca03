import * as z from 'zod/mini'
import { FrameError } from '@/contracts/guest/v1/frame'
import { GuestMessage, protocolVersion } from '@/contracts/guest/v1/messages'
import { checkShape } from '@/host/guest/message-bounds'

/** A hello of any version. */
const OtherHello = z.object({ kind: z.literal('hello'), version: z.number().check(z.int(), z.gte(1), z.lte(1000)) })

/** What a guest says in a control frame. Throws FrameError for all that is not as agreed. */
export function parseMessage(payload: Uint8Array): GuestMessage {
  checkShape(payload)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (error) {
    throw new FrameError('a control frame that is not JSON', { cause: error })
  }
  const hello = OtherHello.safeParse(value)
  if (hello.success && hello.data.version !== protocolVersion) throw new FrameError(`the guest agent speaks version ${hello.data.version} of the protocol and this host version ${protocolVersion}: start the pod anew`)
  const message = GuestMessage.safeParse(value)
  if (!message.success) throw new FrameError('a control message that is not as agreed')
  return message.data
}
