import type * as z from 'zod/mini'
import { encodeFrame, FrameType, maxControlBytes } from '@/contracts/guest/v1/frame'
import type { GuestMessage } from '@/contracts/guest/v1/messages'
import type { Method, Params } from '@/contracts/guest/v1/requests'
import { GuestConnectionError, GuestRequestError } from '@/host/guest/errors'

interface Pending {
  method: Method
  settle: (value: unknown) => void
  reject: (error: Error) => void
  /** Begins the time that the answer may take, anew. */
  arm: () => void
  timer: NodeJS.Timeout | undefined
  /** Whether a guest that stands still takes of its time. */
  isBounded: boolean
}

/** Requests of one connection that wait for the guest's answer. */
export class Requests {
  private readonly pending = new Map<number, Pending>()
  private nextId = 1
  private closedWith: Error | undefined
  private isStill = false

  constructor(
    private readonly write: (frame: Uint8Array) => void,
    /** Ends the connection: the guest answers other than agreed. */
    private readonly onBreach: (error: Error) => void,
  ) {}

  /**
   * Sends a request and resolves to the parsed answer. Rejects with GuestRequestError where the
   * guest refuses, with GuestConnectionError where no answer comes in time or the connection ends.
   * `isBounded`: it is over in that time also where the guest stands still meanwhile.
   */
  send<M extends Method, T>(method: M, params: Params<M>, result: z.ZodMiniType<T>, timeoutMs: number, { isBounded = false } = {}): Promise<T> {
    if (this.closedWith) return Promise.reject(this.closedWith)
    const id = this.nextId++
    const payload = Buffer.from(JSON.stringify({ id, method, params }))
    if (payload.length > maxControlBytes) return Promise.reject(new GuestRequestError(method, 'InvalidRequest', `the request is larger than ${maxControlBytes} bytes`, method))
    return new Promise((resolve, reject) => {
      const late = () => {
        this.pending.delete(id)
        reject(new GuestConnectionError(`the guest did not answer ${method} within ${timeoutMs} ms`))
      }
      const arm = () => void (pending.timer = setTimeout(late, timeoutMs))
      const settle = (value: unknown) => {
        const parsed = result.safeParse(value)
        if (parsed.success) return resolve(parsed.data)
        const breach = new GuestConnectionError(`the guest's answer to ${method} is not as agreed`)
        reject(breach)
        this.onBreach(breach)
      }
      const pending: Pending = { method, settle, reject, arm, timer: undefined, isBounded }
      this.pending.set(id, pending)
      if (isBounded || !this.isStill) arm()
      this.write(encodeFrame(FrameType.control, 0, 0, payload))
    })
  }

  /** A guest that stands still is waited for, and has its time anew once it goes on. */
  standStill(isStill: boolean): void {
    if (this.isStill === isStill) return
    this.isStill = isStill
    for (const pending of this.pending.values()) {
      if (pending.isBounded) continue
      clearTimeout(pending.timer)
      if (!isStill) pending.arm()
    }
  }

  /** Takes an answer; false where nobody waits for it. */
  answer(response: Extract<GuestMessage, { kind: 'response' }>): boolean {
    const pending = this.pending.get(response.id)
    if (!pending) return false
    this.pending.delete(response.id)
    clearTimeout(pending.timer)
    const { error } = response
    if (error) pending.reject(new GuestRequestError(pending.method, error.code, error.message, error.object))
    else pending.settle(response.result)
    return true
  }

  /** The connection is gone. */
  failAll(error: Error): void {
    this.closedWith = error
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.pending.clear()
  }
}
