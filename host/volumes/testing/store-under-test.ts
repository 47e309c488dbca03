import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { VolumeError, type Image, type VolumeErrorCode, type VolumeStore } from '../store'
import type { OpenImage } from './qemu-io'

/** A store as the suite sees it. Uids are the suite's own, so that one store serves all of it. */
export type StoreUnderTest = {
  /** The agent's, of now: one that was started anew is another. */
  store: () => VolumeStore
  /** Another host's agent at the same store. */
  other: () => Promise<VolumeStore>
  /** Opens an image as a pod's QEMU would. */
  open: (image: Image) => Promise<OpenImage>
  /**
   * Starts the agent anew, as one that dies at the n-th step of what it does: nothing that it began goes on after that. `died` resolves then. Null: the store has no steps
   * of its own, for each of its verbs is one command.
   */
  dying: null | ((step: number) => Promise<{ store: VolumeStore; died: Promise<void> }>)
  /** Starts the agent anew, after one that died. */
  restart: () => Promise<void>
  close: () => Promise<void>
}

export const MiB = 2 ** 20
export const silent = (): void => {}
export const never = new AbortController().signal

/** Resolves where a call ends with this error of the port. */
export async function refuses(code: VolumeErrorCode, call: Promise<unknown>, of = ''): Promise<VolumeError> {
  const error = await call.then(() => null, (thrown: unknown) => thrown)
  if (!(error instanceof VolumeError)) throw new Error(`${of} ${code} was awaited, and not: ${String(error)}`, { cause: error })
  expect(error.code, error.message).toBe(code)
  return error
}

/** A volume with an epoch that only grows, as the server gives them. */
export class TestVolume {
  readonly uid = randomUUID()
  epoch = 0
  constructor(private readonly under: StoreUnderTest) {}

  create(sizeBytes: number): Promise<void> {
    return this.under.store().create({ uid: this.uid, sizeBytes, origin: { kind: 'blank' } }, silent, never)
  }

  /** Claims it under the next epoch, opens it, works, closes it and lets go. */
  async use<T>(work: (image: OpenImage) => Promise<T>): Promise<T> {
    this.epoch += 1
    const store = this.under.store()
    await store.claim(this.uid, this.epoch, null)
    const image = await this.under.open(await store.image(this.uid, 'write', this.epoch))
    try {
      await store.confirmOpen(this.uid, this.epoch)
      return await work(image)
    } finally {
      await image.close()
      await store.release(this.uid, this.epoch)
    }
  }

  /** As its worker does after a start of the agent: what a program of before has left of it is let go. */
  async takeUp(): Promise<void> {
    const store = this.under.store()
    if (!(await store.isLocked?.(this.uid))) return
    await store.release(this.uid, this.epoch)
    await store.claim(this.uid, this.epoch, null)
  }

  write = (pattern: number, offset = 0, bytes = MiB): Promise<void> => this.use((image) => image.write(pattern, offset, bytes))
  read = (pattern: number, offset = 0, bytes = MiB): Promise<void> => this.use((image) => image.read(pattern, offset, bytes))

  async snapshot(uid: string = randomUUID()): Promise<string> {
    await this.under.store().prepareSnapshot(this.uid, uid)
    await this.under.store().commitSnapshot(this.uid, uid)
    return uid
  }

  async clone(snapshotUid: string, sizeBytes: number): Promise<TestVolume> {
    const clone = new TestVolume(this.under)
    await this.under.store().clone(snapshotUid, clone.uid, sizeBytes)
    return clone
  }
}
